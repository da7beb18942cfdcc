"""The course exercise: no torch.optim, no nn.Module call; the update is written out by hand."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits


def forward(params, x):
    w1, b1, w2, b2 = params
    return torch.relu(x @ w1 + b1) @ w2 + b2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    train = torch.rand(len(x)) < 0.8

    holder = torch.nn.ParameterList([
        torch.randn(64, 48) * (2 / 64) ** 0.5, torch.zeros(48),
        torch.randn(48, 10) * (1 / 48) ** 0.5, torch.zeros(10),
    ])  # fmt: skip
    velocity = [torch.zeros_like(p) for p in holder]
    rows_train = train.nonzero()[:, 0]
    for epoch in range(14):
        for rows in rows_train[torch.randperm(len(rows_train))].split(64):
            loss = F.cross_entropy(forward(holder, x[rows]), y[rows])
            grads = torch.autograd.grad(loss, list(holder))
            with torch.no_grad():
                for p, v, g in zip(holder, velocity, grads, strict=True):
                    v.mul_(0.9).add_(g)
                    p.sub_(0.05 * v)
        with torch.no_grad():
            out = forward(holder, x[~train])
            val = F.cross_entropy(out, y[~train]).item()
            acc = (out.argmax(1) == y[~train]).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.3f} val {val:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
