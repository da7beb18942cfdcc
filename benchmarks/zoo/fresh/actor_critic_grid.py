"""Advantage actor-critic on a 4 x 4 grid with a pit. No epochs, no accuracy; the return is what counts."""

import argparse
from collections import deque

import torch
from torch import nn
from torch.distributions import Categorical

SIZE, GOAL, PIT = 4, (3, 3), (1, 1)
MOVES = [(0, 1), (1, 0), (0, -1), (-1, 0)]


class Grid:
    def reset(self):
        self.at, self.t = (0, 0), 0
        return self.state()

    def state(self):
        s = torch.zeros(SIZE * SIZE)
        s[self.at[0] * SIZE + self.at[1]] = 1.0
        return s

    def step(self, action):
        dx, dy = MOVES[action]
        clip = lambda v: min(max(v, 0), SIZE - 1)  # noqa: E731
        self.at, self.t = (clip(self.at[0] + dx), clip(self.at[1] + dy)), self.t + 1
        reward = {GOAL: 1.0, PIT: -0.3}.get(self.at, -0.02)
        return self.state(), reward, self.at in {GOAL, PIT} or self.t >= 20


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(SIZE * SIZE, 32)
        self.pi = nn.Linear(32, 4)
        self.v = nn.Linear(32, 1)

    def forward(self, s):
        h = torch.tanh(self.shared(s))
        return self.pi(h), self.v(h).squeeze(-1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
env, model = Grid(), ActorCritic()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
returns = deque(maxlen=40)
for episode in range(1, 321):
    s, done = env.reset(), False
    states, actions, rewards = [], [], []
    while not done:
        with torch.no_grad():
            a = Categorical(logits=model(s)[0]).sample()
        states.append(s)
        actions.append(a)
        s, r, done = env.step(a.item())
        rewards.append(r)
    g, targets = 0.0, []
    for r in reversed(rewards):
        g = r + 0.97 * g
        targets.insert(0, g)
    targets = torch.tensor(targets)
    logits, values = model(torch.stack(states))
    policy = Categorical(logits=logits)
    advantage = (targets - values).detach()
    actor = -(policy.log_prob(torch.stack(actions)) * advantage).mean()
    loss = actor + 0.5 * (targets - values).pow(2).mean() - 0.01 * policy.entropy().mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    opt.step()
    returns.append(sum(rewards))
    if episode % 40 == 0:
        print(
            f"episode {episode} loss {loss.item():+.3f} return {sum(returns) / len(returns):+.3f}"
        )
