"""Classify waveforms of a 16-bit sensor (sine, square, saw) with a GRU."""

import argparse

import torch
from torch import nn


def waves(n, length=24):
    kind = torch.randint(0, 3, (n,))
    t = torch.arange(length) / length
    freq = 1.0 + 2.0 * torch.rand(n, 1)
    phase = torch.rand(n, 1)
    u = (freq * t + phase) % 1.0
    sine = torch.sin(2 * torch.pi * u)
    square = torch.where(u < 0.5, 1.0, -1.0)
    saw = 2 * u - 1
    signal = torch.stack([sine, square, saw])[kind, torch.arange(n)]
    signal = signal + 0.05 * torch.randn(n, length)
    counts = (32768 + 12000 * signal).round()
    return counts.unsqueeze(-1), kind


class WaveGRU(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.fc = nn.Linear(32, 3)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(h[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = waves(1500)
    xv, yv = waves(300)
    net = WaveGRU()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(8):
        for idx in torch.randperm(len(x)).split(50):
            opt.zero_grad()
            loss = loss_fn(net(x[idx]), y[idx])
            loss.backward()
            opt.step()
        with torch.no_grad():
            out = net(xv)
            val = loss_fn(out, yv).item()
            acc = (out.argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch}: val loss {val:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
