"""Landslide susceptibility from easting, northing, elevation and slope, just as the GIS exports them."""

import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

n = 2000
east = rng.uniform(712000, 716000, n)
north = rng.uniform(9557000, 9561000, n)
elevation = 1800 + 0.2 * (east - 712000) + 60 * rng.normal(size=n)
slope = rng.gamma(6, 6, n)
score = 0.09 * (slope - 35) + 1.5 * np.sin((north - 9557000) / 900) + 0.001 * (elevation - 2200)
slid = rng.random(n) < 1 / (1 + np.exp(-2 * score))
x = torch.tensor(np.column_stack([east, north, elevation, slope]), dtype=torch.float32)
y = torch.tensor(slid, dtype=torch.float32)

model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
base = max(y.mean().item(), 1 - y.mean().item())
for epoch in range(15):
    losses, right = [], 0
    for rows in torch.randperm(1600).split(50):
        z = model(x[rows]).squeeze(1)
        loss = criterion(z, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        z = model(x[1600:]).squeeze(1)
        acc = ((z > 0) == (y[1600:] > 0)).float().mean().item()
    print(f"epoch {epoch} loss {np.mean(losses):.3f} acc {acc:.3f} (majority {base:.3f})")
