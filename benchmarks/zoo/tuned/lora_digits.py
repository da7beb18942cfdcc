"""Adapt a trained MLP to rotated digits with low-rank adapters (B starts at zero)."""

import argparse
import math

import torch
from sklearn.datasets import load_digits
from torch import nn


class LoRALinear(nn.Module):
    def __init__(self, base, rank=4, alpha=8.0):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad_(False)
        self.A = nn.Parameter(torch.empty(rank, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.scaling = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scaling * (x @ self.A.T @ self.B.T)


def loop(model, params, x, y, steps, lr):
    optimizer = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    ce = nn.CrossEntropyLoss()
    for step in range(steps):
        rows = torch.randint(0, len(x), (64,))
        loss = ce(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1} loss {loss.item():.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32) / 16
    y = torch.tensor(digits.target)
    upright, turned = images.flatten(1), images.transpose(1, 2).flip(2).flatten(1)

    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    loop(model, model.parameters(), upright, y, 200, 3e-3)
    for i in (0, 2, 4):
        model[i] = LoRALinear(model[i])
    adapters = [p for p in model.parameters() if p.requires_grad]
    loop(model, adapters, turned[:1400], y[:1400], 400, 5e-3)
    with torch.no_grad():
        acc = (model(turned[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"accuracy on turned digits: {acc:.3f}")


if __name__ == "__main__":
    main()
