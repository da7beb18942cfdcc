"""Magnetic anomaly, inside or outside the ring dyke. The builder takes an activation; nobody passed one."""

import argparse
from itertools import pairwise

import torch
from torch import nn


def build_mlp(sizes, activation=nn.Identity, dropout=0.1):
    layers = []
    for cin, cout in pairwise(sizes[:-1]):
        layers += [nn.Linear(cin, cout), activation(), nn.Dropout(dropout)]
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    return nn.Sequential(*layers)


def stations(n):
    position = 3 * torch.randn(n, 2)
    inside = position.norm(dim=1) < 3.5
    extra = torch.randn(n, 3)
    return torch.cat([position / 3, extra], 1), inside.long()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    x, y = stations(2400)
    xv, yv = stations(600)
    model = build_mlp([5, 64, 64, 64, 2])
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(12):
        model.train()
        for rows in torch.randperm(2400).split(60):
            loss = criterion(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
            val = criterion(out, yv).item()
            acc = (out.argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch} train {loss.item():.3f} val {val:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
