"""Mineral class from element counts; tiny batches because the samples arrive in pairs."""

import argparse

import torch
from torch import nn


def dense(n_in, n_out):
    return [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]


def minerals(n, gen):
    y = torch.randint(0, 6, (n,), generator=gen)
    centre = torch.randn(6, 8, generator=gen)
    x = centre[y] + 0.45 * torch.randn(n, 8, generator=gen)
    return (x - x.mean(0)) / x.std(0), y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    x, y = minerals(1600, torch.Generator().manual_seed(args.seed))
    model = nn.Sequential(*dense(8, 48), *dense(48, 48), *dense(48, 48), nn.Linear(48, 6))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    model.train()
    smooth = None
    for step in range(700):
        idx = torch.randint(0, 1200, (args.batch,))
        loss = criterion(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        if step % 100 == 99:
            print(f"step {step + 1} loss {smooth:.4f}")
    model.eval()
    with torch.no_grad():
        out = model(x[1200:])
        acc = (out.argmax(1) == y[1200:]).float().mean().item()
    print(f"test loss {criterion(out, y[1200:]).item():.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
