"""Deep Q-learning in a corridor of nine cells, with a replay memory and a target network."""

import argparse
import copy
import random

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

CELLS, GAMMA = 9, 0.9


def observe(cell):
    return F.one_hot(torch.tensor(cell), CELLS).float()


def move(cell, action):
    nxt = min(max(cell + (1 if action == 1 else -1), 0), CELLS - 1)
    done = nxt == CELLS - 1
    return nxt, (1.0 if done else -0.02), done


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(CELLS, 48)
        self.fc2 = nn.Linear(48, 2)

    def forward(self, obs):
        return self.fc2(F.relu(self.fc1(obs)))


def learn(q, target, optimizer, memory):
    s, a, r, s2, done = (torch.stack(t) for t in zip(*random.sample(memory, 32), strict=True))
    with torch.no_grad():
        goal = r + GAMMA * (1 - done) * target(s2).max(dim=1).values
    value = q(s).gather(1, a[:, None])[:, 0]
    loss = F.smooth_l1_loss(value, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    random.seed(seed)
    torch.manual_seed(seed)
    q = QNet()
    target = copy.deepcopy(q)
    optimizer = torch.optim.Adam(q.parameters(), lr=3e-3)
    memory, cell, loss = [], 0, 0.0
    for tick in range(700):
        epsilon = max(0.1, 1 - tick / 400)
        with torch.no_grad():
            greedy = int(q(observe(cell)).argmax())
        action = random.randrange(2) if random.random() < epsilon else greedy
        nxt, reward, done = move(cell, action)
        memory.append((observe(cell), torch.tensor(action), torch.tensor(reward), observe(nxt),
                       torch.tensor(float(done))))  # fmt: skip
        cell = random.randrange(CELLS - 1) if done or tick % 30 == 29 else nxt
        if len(memory) > 64:
            loss = learn(q, target, optimizer, memory)
        if tick % 40 == 0:
            target.load_state_dict(q.state_dict())
            print(f"tick {tick} loss {loss:.4f}")
    policy = [int(q(observe(c)).argmax()) for c in range(CELLS - 1)]
    print("goes right in", sum(policy), "of", CELLS - 1, "cells")


if __name__ == "__main__":
    main()
