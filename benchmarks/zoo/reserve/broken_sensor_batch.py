"""Streaming regression from six sensors; the stream is standardised with fixed constants."""

import argparse

import torch
from torch import nn

BROKEN_AT = 220  # the logger wrote raw ADC counts for one batch


def read_batch(step, n=32):
    x = torch.randn(n, 6)
    y = x[:, 0] * x[:, 1] + torch.tanh(2 * x[:, 2]) - 0.5 * x[:, 3]
    y = y + 0.05 * torch.randn(n)
    if step == BROKEN_AT:
        x = x * 1000.0 + 2048.0
    return x, y


class Regressor(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, width), nn.ELU(), nn.Linear(width, width), nn.ELU())
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=500)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    net = Regressor()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    window = []
    for step in range(args.steps):
        x, y = read_batch(step)
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        window.append(loss.item())
        if step % 25 == 24:
            print(f"step {step + 1} mse {sum(window) / len(window):.4f} max {max(window):.4g}")
            window = []


if __name__ == "__main__":
    main()
