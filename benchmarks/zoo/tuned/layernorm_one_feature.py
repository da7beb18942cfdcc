"""Fit a one-dimensional curve with a normalised network."""

import argparse

import torch
from torch import nn


class CurveNet(nn.Module):
    """x -> y, with the input normalised first."""

    def __init__(self, width=64):
        super().__init__()
        self.norm = nn.LayerNorm(1)
        self.fc1 = nn.Linear(1, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 1)

    def forward(self, x):
        x = self.norm(x)
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)


def curve(x):
    return torch.sin(2.0 * x) + 0.3 * x


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x = torch.rand(1000, 1) * 6 - 3
    y = curve(x) + 0.05 * torch.randn_like(x)
    net = CurveNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    mse = nn.MSELoss()
    print(f"variance of y: {y.var().item():.4f}")
    step = 0
    for epoch in range(1, 21):
        net.train()
        for rows in torch.randperm(1000).split(50):
            optimizer.zero_grad()
            loss = mse(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            step += 1
        if epoch % 4 == 0:
            net.eval()
            with torch.no_grad():
                print(f"epoch {epoch} ({step} steps): {mse(net(x), y).item():.4f}")


if __name__ == "__main__":
    main()
