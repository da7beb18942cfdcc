"""Denoise traces; every hundred steps the noise gets stronger, so the loss climbs by design."""

import argparse

import torch
from torch import nn


class Denoiser(nn.Module):
    def __init__(self, ch=16):
        super().__init__()
        self.inp = nn.Conv1d(1, ch, 9, padding=4)
        self.mid = nn.Conv1d(ch, ch, 9, padding=4)
        self.out = nn.Conv1d(ch, 1, 9, padding=4)

    def forward(self, x):
        h = torch.relu(self.inp(x))
        h = torch.relu(self.mid(h))
        return self.out(h)


def clean(n, length=48):
    t = torch.arange(length) / length
    freq = 1 + 3 * torch.rand(n, 1)
    phase = 6.28 * torch.rand(n, 1)
    return torch.sin(6.28 * freq * t + phase)[:, None]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    net = Denoiser()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    mse = nn.MSELoss()
    for stage, sigma in enumerate([0.1, 0.5, 1.0, 1.5]):
        losses = []
        for _ in range(100):
            signal = clean(16)
            loss = mse(net(signal + sigma * torch.randn_like(signal)), signal)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"stage {stage} noise {sigma**2:.2f} loss {sum(losses[-20:]) / 20:.4f}")
    with torch.no_grad():
        signal = clean(200)
        for sigma in (0.5, 1.0):
            error = mse(net(signal + sigma * torch.randn_like(signal)), signal).item()
            print(f"noise {sigma**2:.2f} left {error:.4f}")
