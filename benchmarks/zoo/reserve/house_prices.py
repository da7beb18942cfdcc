import argparse

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

# House price baseline: numeric features are standardised, the target is the sale price in dollars.


def make_houses(seed, n=1200):
    rng = np.random.default_rng(seed)
    area = rng.lognormal(7.3, 0.35, n)
    quality = rng.integers(1, 11, n)
    age = rng.integers(0, 100, n)
    garage = rng.integers(0, 4, n)
    price = 60 * area + 9000 * quality + 40 * area * (quality > 7) - 300 * age + 8000 * garage
    price = price + rng.normal(0, 8000, n)
    X = np.stack([area, quality, age, garage], 1)
    X = (X - X.mean(0)) / X.std(0)
    return torch.tensor(X, dtype=torch.float32), torch.tensor(price, dtype=torch.float32)


class PriceModel(nn.Module):
    def __init__(self, n_in=4):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(n_in, 64), nn.Linear(64, 64)])
        self.out = nn.Linear(64, 1)

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.out(x).squeeze(1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)
X, y = make_houses(seed)
X_train, y_train, X_val, y_val = X[:1000], y[:1000], X[1000:], y[1000:]

model = PriceModel()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(20):
    perm = torch.randperm(1000)
    mae = 0.0
    for i in range(0, 1000, 40):
        b = perm[i : i + 40]
        opt.zero_grad()
        pred = model(X_train[b])
        loss = F.mse_loss(pred, y_train[b])
        loss.backward()
        opt.step()
        mae += (pred - y_train[b]).abs().mean().item() / 25
    with torch.no_grad():
        r2 = 1 - F.mse_loss(model(X_val), y_val) / y_val.var()
    print(f"epoch {epoch + 1} mse {loss.item():.4g} mae {mae:.0f} r2 {r2.item():.3f}")
