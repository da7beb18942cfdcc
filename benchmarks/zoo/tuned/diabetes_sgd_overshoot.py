"""Linear trend plus bends: diabetes progression with a small network."""

import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn


def fit(model, x, y, lr, steps, batch):
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for step in range(steps):
        rows = torch.randint(0, len(x), (batch,))
        residual = model(x[rows]) - y[rows]
        loss = (residual**2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 49:
            with torch.no_grad():
                full = ((model(x) - y) ** 2).mean().item()
            print(f"step {step + 1}: batch {loss.item():.4g} all {full:.4g}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    x, y = load_diabetes(return_X_y=True, scaled=True)
    x = torch.tensor(x, dtype=torch.float32)
    x = x / x.std(0)
    y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
    y = (y - y.mean()) / y.std()
    model = nn.Sequential(
        nn.Linear(10, 50), nn.Tanh(), nn.Linear(50, 50), nn.Tanh(), nn.Linear(50, 1)
    )
    print(f"variance {y.var().item():.3f}")
    fit(model, x, y, lr=0.4, steps=400, batch=32)


if __name__ == "__main__":
    main()
