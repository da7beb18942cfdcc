"""Metric learning with batch-hard triplets on digits: after the first step everything is nan."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


def pairwise_distance(e):
    diff = e.unsqueeze(0) - e.unsqueeze(1)
    return (diff * diff).sum(-1).sqrt()


def batch_hard(e, labels, margin=0.5):
    dist = pairwise_distance(e)
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    hardest_positive = (dist * same).max(dim=1).values
    hardest_negative = (dist + 1e3 * same).min(dim=1).values
    return torch.relu(hardest_positive - hardest_negative + margin).mean()


def nearest_accuracy(net, x, y, xt, yt):
    net.eval()
    with torch.no_grad():
        near = torch.cdist(net(xt), net(x)).argmin(1)
    net.train()
    return (y[near] == yt).float().mean().item()


ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
opt = ap.parse_args()
torch.manual_seed(opt.seed)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x).float().div(8).sub(1)
y = torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
x, xt, y, yt = x[:1400], x[1400:], y[:1400], y[1400:]

embed = nn.Sequential(
    nn.Linear(64, 96),
    nn.ReLU(),
    nn.Linear(96, 16),
)
optimizer = torch.optim.Adam(embed.parameters(), lr=1e-3)

for step in range(300):
    pick = torch.randint(0, len(x), (64,))
    z = embed(x[pick])
    loss = batch_hard(z, y[pick])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        acc = nearest_accuracy(embed, x, y, xt, yt)
        print(f"step {step} triplet loss {loss.item():.4f} nearest-neighbour acc {acc:.3f}")
print("final", loss.item(), nearest_accuracy(embed, x, y, xt, yt))
