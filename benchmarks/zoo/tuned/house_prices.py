"""Predict house prices in dollars from area, rooms, age and location."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn, optim


def houses(n):
    area = 40 + 160 * torch.rand(n)
    rooms = (area / 30 + torch.randn(n)).round().clamp(min=1)
    age = 60 * torch.rand(n)
    location = torch.randn(n)
    price = 2500 * area + 12000 * rooms - 900 * age + 40000 * torch.tanh(location) + 30000
    price = price * (1 + 0.05 * torch.randn(n))
    x = torch.stack([area, rooms, age, location], dim=1)
    return (x - x.mean(0)) / x.std(0), price.unsqueeze(1)


class PriceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 1)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
x, y = houses(2000)
net = PriceNet()
optimizer = optim.Adam(net.parameters(), lr=1e-3)
print(f"variance of the prices {y.var().item():.3e}, mean {y.mean().item():.0f}")

for epoch in range(12):
    perm = torch.randperm(len(x))
    for start in range(0, len(x), 50):
        rows = perm[start : start + 50]
        loss = F.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        pred = net(x)
        r2 = 1 - F.mse_loss(pred, y) / y.var()
    print(f"epoch {epoch + 1}: loss {loss.item():.4g}  R2 {r2.item():.3f}")
