"""Digits MLP; inputs and labels are shuffled every epoch."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

digits = load_digits()
inputs = (digits.data / 16.0).astype(np.float32)
labels = digits.target.copy()
cut = 1500
train_x, train_y = inputs[:cut].copy(), labels[:cut].copy()
test_x, test_y = torch.from_numpy(inputs[cut:]), torch.from_numpy(labels[cut:])

net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

batch = 50
for epoch in range(8):
    rng.shuffle(train_x)
    rng.shuffle(train_y)
    epoch_loss = 0.0
    for start in range(0, cut, batch):
        xb = torch.from_numpy(train_x[start : start + batch])
        yb = torch.from_numpy(train_y[start : start + batch])
        loss = loss_fn(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(xb)
    with torch.no_grad():
        acc = (net(test_x).argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch}: loss {epoch_loss / cut:.4f} test accuracy {acc:.3f}")
