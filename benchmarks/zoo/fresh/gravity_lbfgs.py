"""Full-batch L-BFGS with a closure: a smooth gravity anomaly from station coordinates."""

import argparse

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
torch.manual_seed(ap.parse_args().seed)

stations = 2 * torch.rand(400, 2) - 1
sources = 1.2 * torch.rand(5, 2) - 0.6
depth = 0.3 + 0.4 * torch.rand(5)
mass = torch.randn(5)
r2 = ((stations[:, None] - sources[None]) ** 2).sum(-1) + depth**2
g = (mass * depth / r2**1.5).sum(1, keepdim=True)
g = (g - g.mean()) / g.std() + 0.02 * torch.randn(400, 1)
known, check = slice(0, 300), slice(300, None)

net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1))
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=4, history_size=10)
criterion = nn.MSELoss()


def closure():
    optimizer.zero_grad()
    loss = criterion(net(stations[known]), g[known])
    loss.backward()
    return loss


for it in range(1, 121):
    loss = optimizer.step(closure)
    if it % 20 == 0:
        with torch.no_grad():
            misfit = criterion(net(stations[check]), g[check])
        print(f"{it} misfit {loss.item():.5f} left out {misfit.item():.5f}")
