"""A physics-informed network for steady heat flow: u'' = -pi^2 sin(pi x), u(0) = u(1) = 0."""

import argparse
import math

import torch
from torch import nn


class Temperature(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, x):
        return self.net(2 * x - 1)


def residual(model, x):
    x.requires_grad_(True)
    u = model(x)
    du = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    ddu = torch.autograd.grad(du.sum(), x, create_graph=True)[0]
    return ddu + math.pi**2 * torch.sin(math.pi * x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = Temperature()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    ends = torch.tensor([[0.0], [1.0]])
    for step in range(500):
        inside = residual(model, torch.rand(48, 1)).pow(2).mean()
        border = model(ends).pow(2).mean()
        loss = inside + 20 * border
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49:
            print(f"step {step + 1} loss {loss.item():.4f}")
    x = torch.linspace(0, 1, 101)[:, None]
    with torch.no_grad():
        error = (model(x) - torch.sin(math.pi * x)).abs().max().item()
    print("largest error", error)


if __name__ == "__main__":
    main()
