"""Curriculum: the sequences grow every 100 steps, so the loss climbs each time."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)


class Adder(nn.Module):
    """Sum of the two marked numbers."""

    def __init__(self, hidden=40):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(h[-1]).squeeze(-1)


def adding(n, length):
    x = torch.zeros(n, length, 2)
    x[..., 0] = 2 * torch.rand(n, length) - 1
    marks = torch.rand(n, length).argsort(1)[:, :2]
    x[..., 1].scatter_(1, marks, 1.0)
    return x, (x[..., 0] * x[..., 1]).sum(1)


model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
lengths = [2, 4, 7, 11, 16]
for stage, length in enumerate(lengths):
    history = []
    for _ in range(100):
        x, y = adding(64, length)
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        history.append(loss.item())
    first, last = sum(history[:10]) / 10, sum(history[-10:]) / 10
    print(f"stage {stage} length {length}: {first:.4f} -> {last:.4f} (variance {y.var():.3f})")
