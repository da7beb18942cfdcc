"""Regression of a wavy surface with hand-written initialisation."""

import argparse
import math

import torch
from torch import nn


def he_init(model):
    """He et al. 2015: scale by the square root of two over fan in."""
    for m in model.modules():
        if isinstance(m, nn.Linear):
            fan_in = m.in_features
            nn.init.normal_(m.weight, mean=0.0, std=math.sqrt(fan_in / 2))
            nn.init.zeros_(m.bias)


def mlp(widths):
    layers = []
    for i in range(len(widths) - 1):
        layers.append(nn.Linear(widths[i], widths[i + 1]))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers[:-1])


def surface(n):
    x = torch.randn(n, 3)
    y = torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.05 * torch.randn(n)
    return x, ((y - y.mean()) / y.std()).unsqueeze(1)


def fit(net, x, y, epochs=20, batch=50, lr=1e-3):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    mse = nn.MSELoss()
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x)).split(batch):
            opt.zero_grad()
            loss = mse(net(x[rows]), y[rows])
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        if epoch % 2 == 0 or epoch == epochs - 1:
            print(f"epoch {epoch} mse {total / len(x):.4g}")


def main():
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--seed", type=int, default=0)
    torch.manual_seed(cli.parse_args().seed)
    x, y = surface(1000)
    net = mlp([3, 64, 64, 1])
    he_init(net)
    fit(net, x, y)


if __name__ == "__main__":
    main()
