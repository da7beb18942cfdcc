"""Depth of a horizon in metres from travel times and amplitudes; squared error, SGD."""

import argparse

import torch
from torch import nn


class DepthNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(6, 40)
        self.mix = nn.Linear(40, 40)
        self.depth = nn.Linear(40, 1)

    def forward(self, x):
        x = torch.tanh(self.encode(x))
        x = torch.tanh(self.mix(x))
        return self.depth(x).squeeze(-1)


def survey(n):
    x = torch.randn(n, 6)
    depth = 2400 + 260 * x[:, 0] + 120 * torch.sin(2 * x[:, 1]) + 80 * x[:, 2] * x[:, 3]
    return x, depth + 15 * torch.randn(n)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    x, z = survey(1500)
    xv, zv = survey(500)
    net = DepthNet()
    mse = nn.MSELoss()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(16):
        for rows in torch.randperm(1500).split(50):
            loss = mse(net(x[rows]), z[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            rmse = mse(net(xv), zv).sqrt().item()
        print(
            f"epoch {epoch:2d} loss {loss.item():.0f} rmse {rmse:.1f} m (std {zv.std().item():.1f} m)"
        )


if __name__ == "__main__":
    main()
