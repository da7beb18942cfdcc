"""Gradient accumulation over four micro-batches for an air-quality regression."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

n = 3200
hour = 24 * torch.rand(n)
wind = torch.rand(n) * 8
temp = 10 + 8 * torch.randn(n)
traffic = torch.exp(-((hour - 8) ** 2) / 6) + torch.exp(-((hour - 18) ** 2) / 8)
ozone = 2 * traffic / (1 + 0.4 * wind) + 0.03 * temp + 0.1 * torch.randn(n)
features = torch.stack(
    [torch.sin(hour * 0.2618), torch.cos(hour * 0.2618), wind / 4 - 1, (temp - 10) / 8], dim=1
)
target = ((ozone - ozone.mean()) / ozone.std())[:, None]

model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
train = TensorDataset(features[:2560], target[:2560])
loader = DataLoader(train, batch_size=8, shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.MSELoss()
accumulate = 4

for epoch in range(6):
    running = 0.0
    optimizer.zero_grad()
    for i, (x, y) in enumerate(loader):
        loss = criterion(model(x), y) / accumulate
        loss.backward()
        running += loss.item() * accumulate
        if (i + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        val = criterion(model(features[2560:]), target[2560:]).item()
    print(f"epoch {epoch} train {running / len(loader):.4f} validation {val:.4f}")
