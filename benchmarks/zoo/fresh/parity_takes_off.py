"""Parity of four hidden bits among fourteen: flat at ln 2 for a while, and then it drops."""

import argparse
from itertools import islice

import torch
from torch import nn


def stream(bits=14, batch=128):
    while True:
        b = torch.randint(0, 2, (batch, bits)).float()
        yield 2 * b - 1, b[:, :4].sum(1) % 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = nn.Sequential(nn.Linear(14, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    window = []
    for step, (x, y) in enumerate(islice(stream(), 700), 1):
        logits = model(x)
        loss = criterion(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        window.append((loss.item(), ((logits > 0) == (y > 0)).float().mean().item()))
        if step % 50 == 0:
            mean_loss, mean_acc = (sum(v) / len(v) for v in zip(*window, strict=True))
            print(f"step {step} loss {mean_loss:.4f} acc {mean_acc:.3f}")
            window.clear()


if __name__ == "__main__":
    main()
