"""Digits with an L1 penalty on the activations: most units are silent most of the time."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class SparseNet(nn.Module):
    def __init__(self, width=256):
        super().__init__()
        self.fc1 = nn.Linear(64, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 10)

    def forward(self, x):
        h1 = F.relu(self.fc1(x))
        h2 = F.relu(self.fc2(h1))
        return self.fc3(h2), h1, h2


def main(seed):
    torch.manual_seed(seed)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    y = torch.tensor(digits.target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    net = SparseNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(12):
        total = 0.0
        for idx in torch.randperm(1500).split(50):
            logits, h1, h2 = net(x[idx])
            ce = F.cross_entropy(logits, y[idx])
            loss = ce + 0.8 * (h1.mean() + h2.mean())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += ce.item() / 30
        with torch.no_grad():
            logits, h1, h2 = net(x[1500:])
            acc = (logits.argmax(1) == y[1500:]).float().mean().item()
            silent = ((h1 == 0).float().mean() + (h2 == 0).float().mean()).item() / 2
        print(f"epoch {epoch} loss {total:.4f} accuracy {acc:.3f} silent {silent:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
