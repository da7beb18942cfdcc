"""Predict the level behind a wall (in dB, relative to the source) from eight measurements."""

import argparse

import torch
from torch import nn


class LevelNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin1 = nn.Linear(8, 64)
        self.bn1 = nn.BatchNorm1d(64)
        self.act1 = nn.ReLU()
        self.lin2 = nn.Linear(64, 32)
        self.act2 = nn.ReLU()
        self.lin3 = nn.Linear(32, 1)
        self.act3 = nn.ReLU()

    def forward(self, x):
        x = self.act1(self.bn1(self.lin1(x)))
        x = self.act2(self.lin2(x))
        return self.act3(self.lin3(x))


def data(n=1500):
    x = torch.randn(n, 8)
    level = -3 + torch.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] - 0.3 * x[:, 3]
    return x, (level + 0.1 * torch.randn(n)).clamp(max=-0.2).unsqueeze(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    x, y = data()
    model = LevelNet()
    criterion = nn.SmoothL1Loss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(12):
        running = 0.0
        for idx in torch.randperm(len(x)).split(50):
            out = model(x[idx])
            loss = criterion(out, y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx)
        print(f"epoch {epoch + 1} loss {running / len(x):.5f} mean prediction {out.mean():.4f}")


if __name__ == "__main__":
    main()
