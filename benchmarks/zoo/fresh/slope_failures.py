"""Landslide or not from slope, wetness and curvature. The labels are drawn from a probability,
so nobody can do better than about 75 %; what counts is the log score against the true one.
"""

import argparse

import torch
from torch import nn

cli = argparse.ArgumentParser()
cli.add_argument("--seed", type=int, default=0)
torch.manual_seed(cli.parse_args().seed)


def terrain(n):
    z = torch.randn(n, 5)
    slope, wet, curv = z[:, 0], z[:, 1], z[:, 2]
    logit = 1.3 * slope + 0.9 * wet * (slope > 0) - 0.6 * curv**2 + 0.3
    return z, torch.bernoulli(torch.sigmoid(logit)), torch.sigmoid(logit)


x, y, _ = terrain(12000)
xv, yv, pv = terrain(2000)
floor = nn.functional.binary_cross_entropy(pv, yv).item()

model = nn.Sequential(
    nn.Linear(5, 24), nn.Softplus(), nn.Linear(24, 24), nn.Softplus(), nn.Linear(24, 1)
)
bce = nn.BCEWithLogitsLoss()
adam = torch.optim.Adam(model.parameters(), lr=5e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(adam, 0.8)
for epoch in range(8):
    model.train()
    running = []
    for rows in torch.randperm(len(x)).split(200):
        loss = bce(model(x[rows]).squeeze(1), y[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        running.append(loss.item())
    decay.step()
    model.eval()
    with torch.no_grad():
        logit = model(xv).squeeze(1)
        val = bce(logit, yv).item()
        hit = ((logit > 0) == yv.bool()).float().mean().item()
    mean = sum(running) / len(running)
    print(f"epoch {epoch} train {mean:.4f} val {val:.4f} (true model {floor:.4f}) acc {hit:.3f}")
