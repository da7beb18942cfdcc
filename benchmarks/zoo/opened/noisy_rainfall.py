"""Rainfall from three predictors. Two thirds of the variance is weather nobody can predict."""

import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

n = 6000
x = rng.normal(size=(n, 3)).astype(np.float32)
signal = np.sin(1.5 * x[:, 0]) + 0.6 * x[:, 1] * x[:, 2]
y = signal + np.sqrt(2) * signal.std() * rng.normal(size=n)
scale = y.std()
floor = (np.sqrt(2) * signal.std() / scale) ** 2
y = torch.tensor((y - y.mean()) / scale, dtype=torch.float32)
x = torch.from_numpy(x)


class RainNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(3, 48)
        self.more = nn.Linear(48, 48)
        self.readout = nn.Linear(48, 1)

    def forward(self, x):
        x = nn.functional.silu(self.hidden(x))
        x = nn.functional.silu(self.more(x))
        return self.readout(x)[:, 0]


net = RainNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    losses = []
    for rows in torch.randperm(5000).split(64):
        loss = ((net(x[rows]) - y[rows]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        val = ((net(x[5000:]) - y[5000:]) ** 2).mean().item()
    print(f"epoch {epoch} loss {np.mean(losses):.3f} validation {val:.3f} noise {floor:.3f}")
