"""Log-permeability from porosity and clay. 'Permeability is never negative', so the last layer is a ReLU."""

import argparse

import numpy as np
import torch
from torch import nn

cli = argparse.ArgumentParser()
cli.add_argument("--seed", type=int, default=0)
seed = cli.parse_args().seed
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

phi, clay, depth = rng.uniform(0.02, 0.2, 1600), rng.uniform(0, 0.5, 1600), rng.uniform(1, 4, 1600)
log_k = -4.0 + 14 * phi - 2.5 * clay - 0.2 * depth + 0.2 * rng.normal(size=1600)  # log10 darcy
x = np.column_stack([phi, clay, depth])
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(log_k, dtype=torch.float32)
print(f"log k from {y.min():.2f} to {y.max():.2f}, variance {y.var():.3f}")


class PermNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.out = nn.Linear(32, 1)
        self.positive = nn.ReLU()

    def forward(self, x):
        return self.positive(self.out(self.hidden(x))).flatten()


net = PermNet()
loss_fn = nn.MSELoss()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(12):
    for rows in torch.randperm(1600).split(40):
        loss = loss_fn(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        pred = net(x)
        mse = loss_fn(pred, y).item()
    print(
        f"epoch {epoch} mse {mse:.4f} prediction {pred.min().item():.3f} .. {pred.max().item():.3f}"
    )
