"""Oil, gas or water? From pressure [Pa], temperature [K], depth [m] and salinity [ppm]."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def load(seed, n=1500):
    rng = np.random.default_rng(seed)
    depth = rng.uniform(800, 4200, n)
    pressure = 9810 * depth * rng.normal(1.05, 0.12, n)
    temperature = 285 + 0.031 * depth + rng.normal(0, 6, n)
    salinity = rng.lognormal(10.4, 0.5, n)
    over = pressure / (9810 * depth) - 1.05
    hot = temperature - 285 - 0.031 * depth
    label = np.where(over > 0.05, 1, np.where(hot + (np.log(salinity) - 10.4) * 8 > 0, 2, 0))
    table = np.stack([pressure, temperature, depth, salinity, over, hot], 1)
    return torch.tensor(table, dtype=torch.float32), torch.tensor(label)


class FluidNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 3)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def fit(model, x, y, epochs=15):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(epochs):
        losses = []
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print("epoch", epoch, "loss", round(float(np.mean(losses)), 4))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    x, y = load(seed)
    net = FluidNet()
    fit(net, x[:1200], y[:1200])
    print("accuracy", (net(x[1200:]).argmax(1) == y[1200:]).float().mean().item())
