"""REINFORCE with a baseline: walk to the goal on a 4x4 grid. The loss says nothing, the return does."""

import argparse

import torch
from torch import nn
from torch.distributions import Categorical

SIDE, MAX_STEPS, PARALLEL = 4, 16, 24
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])
GOAL = torch.tensor([SIDE - 1, SIDE - 1])


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(2 * SIDE, 48)
        self.action_head = nn.Linear(48, 4)

    def forward(self, state):
        x = torch.relu(self.affine1(state))
        return Categorical(logits=self.action_head(x))


def encode(position):
    return nn.functional.one_hot(position, SIDE).flatten(1).float()


def rollout(policy):
    position = torch.zeros(PARALLEL, 2, dtype=torch.long)
    alive = torch.ones(PARALLEL)
    log_probs, rewards, masks, entropies = [], [], [], []
    for _ in range(MAX_STEPS):
        dist = policy(encode(position))
        action = dist.sample()
        position = (position + MOVES[action]).clamp(0, SIDE - 1)
        arrived = (position == GOAL).all(1).float()
        log_probs.append(dist.log_prob(action))
        entropies.append(dist.entropy())
        rewards.append(alive * (arrived - 0.05))
        masks.append(alive)
        alive = alive * (1 - arrived)
    return [torch.stack(v) for v in (log_probs, rewards, masks, entropies)]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    policy = Policy()
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
    baseline = torch.zeros(MAX_STEPS)
    score = []
    for update in range(1, 181):
        log_probs, rewards, masks, entropies = rollout(policy)
        returns = rewards.flip(0).cumsum(0).flip(0)
        baseline = 0.9 * baseline + 0.1 * returns.mean(1)
        advantage = returns - baseline.unsqueeze(1)
        loss = -(log_probs * advantage * masks).sum(0).mean() - 0.005 * entropies.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        score.append(returns[0].mean().item())
        if update % 30 == 0:
            print(f"update {update} loss {loss.item():+.4f} return {sum(score[-30:]) / 30:+.3f}")


if __name__ == "__main__":
    main()
