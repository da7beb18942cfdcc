"""Digits where 40 % of the training labels are random: the loss levels off high."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
noisy = y[:1400].clone()
flip = torch.rand(1400) < 0.4
noisy[flip] = torch.randint(0, 10, (int(flip.sum()),))

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    total = 0.0
    for idx in torch.randperm(1400).split(50):
        loss = criterion(model(x[idx]), noisy[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        clean = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
        fooled = (model(x[:1400][flip]).argmax(1) == noisy[flip]).float().mean().item()
    print(
        f"epoch {epoch}: training loss {total / 1400:.3f}, "
        f"random labels reproduced {fooled:.3f}, accuracy on clean labels {clean:.3f}"
    )
