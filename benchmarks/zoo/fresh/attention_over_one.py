"""Which bed of the log matters? Attention pooling over 30 samples of a log curve, one score each."""

import argparse

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)


class AttentionPool(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, h):
        weights = F.softmax(self.score(h), dim=-1)  # (batch, samples, 1)
        return (weights * h).sum(1)


class LogClassifier(nn.Module):
    def __init__(self, channels=5, dim=32, classes=3):
        super().__init__()
        self.lift = nn.Linear(channels, dim)
        self.pool = AttentionPool(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        return self.head(self.pool(torch.tanh(self.lift(x))))


def logs(n, samples=30):
    """One bed of thirty is marked in channel 0; its other channels tell the class."""
    kind = torch.randint(0, 3, (n,))
    x = torch.randn(n, samples, 5)
    at = torch.randint(0, samples, (n,))
    x[torch.arange(n), at, 0] = 4.0
    x[torch.arange(n), at, 1:4] += 2.0 * F.one_hot(kind, 3)
    return x, kind


x, y = logs(2000)
x_val, y_val = logs(500)
model = LogClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val = F.cross_entropy(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} train {loss.item():.3f} val {val:.3f} acc {acc:.3f}")
