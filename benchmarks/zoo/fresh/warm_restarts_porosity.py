"""Porosity from five logs, SGDR: at each restart the rate jumps back up, and so does the loss, briefly."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

n = 3000
phi = np.clip(rng.beta(3, 9, n), 0.01, 0.45)
vsh = rng.beta(1.5, 3, n)
logs = np.column_stack([
    2.65 - 1.6 * phi + 0.05 * vsh + 0.01 * rng.normal(size=n),
    phi + 0.3 * vsh + 0.01 * rng.normal(size=n),
    55 + 130 * phi + 25 * vsh + 2 * rng.normal(size=n),
    20 + 110 * vsh + 4 * rng.normal(size=n),
    np.log10(0.5 / (phi**2 * rng.uniform(0.2, 1, n))),
])  # fmt: skip
x = torch.tensor((logs - logs.mean(0)) / logs.std(0), dtype=torch.float32)
y = torch.tensor((phi - phi.mean()) / phi.std(), dtype=torch.float32)[:, None]
train = DataLoader(TensorDataset(x[:2400], y[:2400]), batch_size=60, shuffle=True)

net = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
mse = nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.8)
scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=2, eta_min=1e-3)
steps = len(train)
for epoch in range(18):
    net.train()
    losses = []
    for i, (xb, yb) in enumerate(train):
        optimizer.zero_grad()
        loss = mse(net(xb), yb)
        loss.backward()
        optimizer.step()
        scheduler.step(epoch + i / steps)
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        val = mse(net(x[2400:]), y[2400:]).item()
    rate = optimizer.param_groups[0]["lr"]
    print(f"epoch {epoch:2d} rate {rate:.3f} train {np.mean(losses):.4f} val {val:.4f}")
