"""Ore or waste from 24 assays; 12 more to check. All right, with a confidence of one."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)


def assays(n):
    ore = (torch.arange(n) % 2).float()
    x = torch.randn(n, 6)
    x[:, :3] += 2.2 * (2 * ore[:, None] - 1)
    return x, ore


def evaluate(model, data, criterion):
    model.eval()
    with torch.no_grad():
        logits = model(data[0]).squeeze(-1)
        loss = criterion(logits, data[1]).item()
    right = ((logits > 0).float() == data[1]).sum().item()
    p = torch.sigmoid(logits)
    return loss, right, torch.maximum(p, 1 - p).mean().item()


train, check = assays(24), assays(12)
model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(1, 301):
    model.train()
    optimizer.zero_grad()
    loss = criterion(model(train[0]).squeeze(-1), train[1])
    loss.backward()
    optimizer.step()
    if epoch % 15 == 0:
        val, right, sure = evaluate(model, check, criterion)
        print(f"epoch {epoch} loss {loss.item():.2e} val {val:.2e} right {right}/12 p {sure:.6f}")
