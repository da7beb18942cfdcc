"""Mixed precision (float16 autocast) training of an MLP with a gradient scaler."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


def data():
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32) / 16 - 0.3
    y = torch.tensor(y)
    perm = torch.randperm(len(x))
    return x[perm], y[perm]


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 96), nn.GELU())
        self.head = nn.Linear(96, 10)

    def forward(self, x):
        return self.head(self.body(x))


def main(seed):
    torch.manual_seed(seed)
    x, y = data()
    model = MLP()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    # let the scale come down smoothly instead of halving it
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**32, backoff_factor=0.99)
    step = 0
    for epoch in range(10):
        model.train()
        for start in range(0, 1440, 48):
            xb, yb = x[start : start + 48], y[start : start + 48]
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.float16):
                logits = model(xb)
                loss = nn.functional.cross_entropy(logits, yb)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            step += 1
        model.eval()
        with torch.no_grad():
            acc = (model(x[1440:]).argmax(1) == y[1440:]).float().mean().item()
        print(f"epoch {epoch} step {step} loss {loss.item():.4f} acc {acc:.3f}")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    main(cli.parse_args().seed)
