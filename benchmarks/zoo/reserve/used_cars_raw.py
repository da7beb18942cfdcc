"""Will the car sell within a month? Year, mileage, power, price straight from the table."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def load_cars(rng, n=1500):
    year = rng.integers(1995, 2024, n)
    mileage = rng.gamma(3.0, 30_000.0, n)
    power = rng.normal(110, 35, n).clip(40, 300)
    price = 900 * (year - 1990) + 60 * power - 0.05 * mileage + rng.normal(0, 3000, n)
    price = price.clip(500, None)
    fair = 900 * (year - 1990) + 60 * power - 0.05 * mileage
    score = (fair - price) / 2000 + (power - 110) / 40 * np.where(year > 2010, 1.0, -1.0)
    sold = (score + 0.2 * rng.normal(size=n) > 0).astype("float32")
    table = np.stack([year, mileage, power, price], 1).astype("float32")
    return table, sold


class CarNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 1)
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.fc3(x).squeeze(-1)


def main(seed):
    torch.manual_seed(seed)
    table, sold = load_cars(np.random.default_rng(seed))
    features = torch.from_numpy(table)
    data = DataLoader(TensorDataset(features, torch.from_numpy(sold)), 50, shuffle=True)
    net = CarNet()
    optim = torch.optim.Adam(net.parameters(), lr=2e-3)
    bce = nn.BCEWithLogitsLoss()
    for epoch in range(20):
        loss_sum, hits = 0.0, 0
        for xb, yb in data:
            z = net(xb)
            loss = bce(z, yb)
            optim.zero_grad()
            loss.backward()
            optim.step()
            loss_sum += loss.item()
            hits += ((z > 0) == (yb > 0.5)).sum().item()
        print(f"epoch {epoch} bce {loss_sum / len(data):.3f} acc {hits / len(sold):.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
