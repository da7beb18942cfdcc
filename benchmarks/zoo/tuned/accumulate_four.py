"""Digits CNN; the optimizer steps after every fourth micro-batch."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

ACCUMULATE = 4

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
loader = DataLoader(TensorDataset(x[:1440], y[:1440]), batch_size=12, shuffle=True)

net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.SiLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.SiLU(),
    nn.Flatten(),
    nn.Linear(256, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)

for epoch in range(5):
    optimizer.zero_grad()
    total = 0.0
    for i, (xb, yb) in enumerate(loader, start=1):
        loss = criterion(net(xb), yb) / ACCUMULATE
        loss.backward()
        total += loss.item() * ACCUMULATE
        if i % ACCUMULATE == 0:
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        acc = (net(x[1440:]).argmax(1) == y[1440:]).float().mean().item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f} held-out acc {acc:.3f}")
