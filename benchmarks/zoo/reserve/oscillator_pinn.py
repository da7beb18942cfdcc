"""Physics-informed network for a damped oscillator u'' + 0.4 u' + 4 u = 0, u(0)=1, u'(0)=0."""

import argparse
import math

import torch
from torch import nn


class Field(nn.Module):
    def __init__(self, width=32, depth=3):
        super().__init__()
        self.inp = nn.Linear(1, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.out = nn.Linear(width, 1)

    def forward(self, t):
        h = torch.tanh(self.inp(t))
        for layer in self.hidden:
            h = torch.tanh(layer(h))
        return self.out(h)


def derivative(u, t):
    return torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]


def exact(t):
    w = math.sqrt(4 - 0.04)
    return torch.exp(-0.2 * t) * (torch.cos(w * t) + 0.2 / w * torch.sin(w * t))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    net = Field()
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    grid = torch.linspace(0, 3, 100).unsqueeze(1)
    for it in range(700):
        t = (torch.rand(48, 1) * 3).requires_grad_()
        u = net(t)
        du = derivative(u, t)
        ddu = derivative(du, t)
        residual = (ddu + 0.4 * du + 4 * u).pow(2).mean()
        zero = torch.zeros(1, 1, requires_grad=True)
        u0 = net(zero)
        du0 = derivative(u0, zero)
        start = (u0 - 1).pow(2).sum() + du0.pow(2).sum()
        loss = 0.1 * residual + start
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if it % 100 == 0 or it == 699:
            with torch.no_grad():
                err = (net(grid) - exact(grid)).pow(2).mean().sqrt().item()
            print(f"{it:4d} loss {loss.item():.5f} rms error {err:.4f}")


main()
