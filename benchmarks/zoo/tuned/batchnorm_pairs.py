"""High-resolution images leave room for two examples in a batch: digits, BatchNorm CNN."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

cli = argparse.ArgumentParser()
cli.add_argument("--seed", type=int, default=0)
SEED = cli.parse_args().seed
torch.manual_seed(SEED)
BATCH_SIZE = 2

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
train_loader = DataLoader(TensorDataset(x[:1300], y[:1300]), BATCH_SIZE, shuffle=True)

model = nn.Sequential(
    nn.Linear(64, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

running = None
model.train()
for step, (xb, yb) in enumerate(train_loader, start=1):
    optimizer.zero_grad()
    loss = loss_fn(model(xb), yb)
    loss.backward()
    optimizer.step()
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if step % 130 == 0:
        model.eval()
        with torch.no_grad():
            logits = model(x[1300:])
            test_loss = loss_fn(logits, y[1300:]).item()
            acc = (logits.argmax(1) == y[1300:]).float().mean().item()
        model.train()
        print(f"step {step}: train {running:.3f} test {test_loss:.3f} acc {acc:.3f}")
