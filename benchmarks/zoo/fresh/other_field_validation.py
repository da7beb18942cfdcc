"""Lithology trained in two wells and checked in a third, from another field with another tool calibration."""

import argparse

import numpy as np
import torch
from torch import nn


class Well:
    """Logs of one well: lithology in beds, its own offset and gain."""

    def __init__(self, rng, samples, offset):
        beds = rng.integers(0, 5, samples // 8 + 1)
        self.lith = np.repeat(beds, 8)[:samples]
        base = np.array(
            [[2, 0, -1, 1], [-1, 2, 0, 0], [0, -2, 1, -1], [1, 1, 2, 0], [-2, -1, -1, 2.0]]
        )
        clean = base[self.lith] + 0.55 * rng.normal(size=(samples, 4))
        self.logs = clean * (1 + 0.1 * rng.normal(size=4)) + offset

    def tensors(self):
        return torch.tensor(self.logs, dtype=torch.float32), torch.tensor(self.lith)


def build():
    return nn.Sequential(
        nn.Linear(4, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 5)
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    a, b = Well(rng, 1200, np.zeros(4)), Well(rng, 1200, np.zeros(4))
    blind = Well(rng, 900, np.array([1.4, -1.2, 0.8, -1.0]))
    (xa, ya), (xb, yb), (xv, yv) = a.tensors(), b.tensors(), blind.tensors()
    x, y = torch.cat([xa, xb]), torch.cat([ya, yb])
    model = build()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(12):
        model.train()
        for rows in torch.randperm(len(x)).split(80):
            loss = criterion(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
            val = criterion(out, yv).item()
            acc = (out.argmax(1) == yv).float().mean().item()
            sure = out.softmax(1).max(1).values.mean().item()
        print(
            f"epoch {epoch} train {loss.item():.3f} blind {val:.3f} acc {acc:.3f} sure {sure:.3f}"
        )


if __name__ == "__main__":
    main()
