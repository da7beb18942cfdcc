"""Sensor fusion: a 1-D conv branch for the waveform, an MLP for the metadata, joint regression."""

import argparse

import numpy as np
import torch
from torch import nn


def make_data(rng, n=1000):
    freq = rng.uniform(1.0, 6.0, n)
    phase = rng.uniform(0, 2 * np.pi, n)
    t = np.linspace(0, 1, 48)
    wave = np.sin(2 * np.pi * freq[:, None] * t + phase[:, None]) + 0.1 * rng.normal(size=(n, 48))
    meta = rng.normal(size=(n, 5))
    target = (freq - 3.5) + 0.3 * meta[:, 0] * meta[:, 1]
    return wave.astype("float32"), meta.astype("float32"), target.astype("float32")


def standardise(z):
    """Bring the branch outputs to one scale before they are joined."""
    z = z.detach().cpu().numpy()
    return torch.from_numpy((z - z.mean(0)) / (z.std(0) + 1e-5))


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 8, 5, stride=2)
        self.conv2 = nn.Conv1d(8, 8, 5, stride=2)
        self.wave_out = nn.Linear(8, 4)
        self.meta_net = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
        self.joint = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, wave, meta):
        h = torch.relu(self.conv1(wave.unsqueeze(1)))
        h = torch.relu(self.conv2(h)).mean(-1)
        h = standardise(self.wave_out(h))
        return self.joint(torch.cat([h, self.meta_net(meta)], dim=1)).squeeze(1)


def train(seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    wave, meta, target = map(torch.from_numpy, make_data(rng))
    net = Fusion()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    mse = nn.MSELoss()
    n = len(target)
    for epoch in range(25):
        running = 0.0
        for idx in torch.randperm(n).split(50):
            opt.zero_grad()
            loss = mse(net(wave[idx], meta[idx]), target[idx])
            loss.backward()
            opt.step()
            running += loss.item() * len(idx)
        if epoch % 4 == 0:
            print(f"epoch {epoch} mse {running / n:.4f} (variance {target.var():.3f})")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    train(cli.parse_args().seed)
