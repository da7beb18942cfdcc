"""Pretrain on digits 0-4, freeze the trunk, train a new head for 5-9; Adam is given everything."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Linear(128, 5)

    def forward(self, x):
        return self.head(self.trunk(x))


def train(net, x, y, steps, optimizer):
    for step in range(steps):
        idx = torch.randint(len(x), (48,))
        loss = F.cross_entropy(net(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
    y = torch.tensor(digits.target)
    low = y < 5
    net = Net()
    train(net, x[low], y[low], 200, torch.optim.Adam(net.parameters(), lr=2e-3))
    for p in net.trunk.parameters():
        p.requires_grad = False
    net.head = nn.Linear(128, 5)
    xn, yn = x[~low], y[~low] - 5
    train(net, xn[:700], yn[:700], 250, torch.optim.Adam(net.parameters(), lr=3e-3))
    acc = (net(xn[700:]).argmax(1) == yn[700:]).float().mean()
    print("accuracy on the new digits", acc.item())


if __name__ == "__main__":
    main()
