"""Digits, two hidden layers, constant start values so that runs are comparable."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(64, 40)
        self.l2 = nn.Linear(40, 40)
        self.l3 = nn.Linear(40, 10)

    def forward(self, x):
        h = torch.tanh(self.l1(x))
        h = torch.tanh(self.l2(h))
        return self.l3(h)


def init_constant(model, value=0.02):
    for name, p in model.named_parameters():
        if name.endswith("weight"):
            nn.init.constant_(p, value)
        else:
            nn.init.zeros_(p)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32) / 8 - 1
y = torch.tensor(y)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]

model = MLP()
init_constant(model)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

BATCH = 50
for epoch in range(10):
    for i in range(0, 1500, BATCH):
        out = model(X[i : i + BATCH])
        loss = F.cross_entropy(out, y[i : i + BATCH])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        test_acc = (model(X[1500:]).argmax(1) == y[1500:]).float().mean()
    print(f"epoch {epoch}: loss {loss.item():.3f}, held-out accuracy {test_acc.item():.3f}")
