"""Physics-informed network for a damped oscillator, u'' + 0.4 u' + 4 u = 0, u(0)=1, u'(0)=0."""

import argparse
import math

import torch
from torch import nn

MU, K = 0.4, 4.0


class FCN(nn.Module):
    def __init__(self, n_in, n_out, n_hidden, n_layers):
        super().__init__()
        activation = nn.Tanh
        self.fcs = nn.Sequential(nn.Linear(n_in, n_hidden), activation())
        self.fch = nn.Sequential(
            *[
                nn.Sequential(nn.Linear(n_hidden, n_hidden), activation())
                for _ in range(n_layers - 1)
            ]
        )
        self.fce = nn.Linear(n_hidden, n_out)

    def forward(self, t):
        return self.fce(self.fch(self.fcs(t)))


def exact(t):
    w = math.sqrt(K - (MU / 2) ** 2)
    return torch.exp(-MU / 2 * t) * (torch.cos(w * t) + MU / (2 * w) * torch.sin(w * t))


def gradient(y, x):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    pinn = FCN(1, 1, 32, 3)
    optimizer = torch.optim.Adam(pinn.parameters(), lr=5e-3)
    t_start = torch.zeros(1, 1, requires_grad=True)
    t_test = torch.linspace(0, 3, 100).view(-1, 1)
    for i in range(800):
        optimizer.zero_grad()
        u = pinn(t_start)
        loss_start = (u - 1).pow(2).squeeze() + 0.1 * gradient(u, t_start).pow(2).squeeze()
        t = (3 * torch.rand(40, 1)).requires_grad_(True)
        u = pinn(t)
        du = gradient(u, t)
        ddu = gradient(du, t)
        loss_physics = (ddu + MU * du + K * u).pow(2).mean()
        loss = loss_start + 0.05 * loss_physics
        loss.backward()
        optimizer.step()
        if (i + 1) % 100 == 0:
            error = (pinn(t_test) - exact(t_test)).pow(2).mean().sqrt().item()
            print(f"{i + 1} loss {loss.item():.6f} rms error {error:.4f}")
