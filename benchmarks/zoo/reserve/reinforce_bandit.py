"""REINFORCE with a baseline on a contextual bandit: four contexts, five arms, noisy pay."""

import argparse

import torch
from torch import nn
from torch.distributions import Categorical


class Policy(nn.Module):
    def __init__(self, n_context=4, n_arms=5):
        super().__init__()
        self.body = nn.Linear(n_context, 32)
        self.pi = nn.Linear(32, n_arms)
        self.value = nn.Linear(32, 1)

    def forward(self, c):
        h = torch.tanh(self.body(c))
        return Categorical(logits=self.pi(h)), self.value(h).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    pay = torch.rand(4, 5)
    pay[torch.arange(4), torch.randint(0, 5, (4,))] += 1.0
    policy = Policy()
    opt = torch.optim.RMSprop(policy.parameters(), lr=3e-3)
    earned = []
    for episode in range(1, 601):
        ctx = torch.randint(0, 4, (16,))
        dist, value = policy(torch.eye(4)[ctx])
        arm = dist.sample()
        reward = pay[ctx, arm] + 0.3 * torch.randn(16)
        advantage = reward - value.detach()
        actor = -(dist.log_prob(arm) * advantage).mean()
        critic = (value - reward).pow(2).mean()
        loss = actor + 0.5 * critic - 0.01 * dist.entropy().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        earned.append(reward.mean().item())
        if episode % 60 == 0:
            best = pay.max(1).values.mean().item()
            print(
                f"{episode} loss {loss.item():+.3f} pay {sum(earned[-60:]) / 60:.3f} of {best:.3f}"
            )


if __name__ == "__main__":
    main()
