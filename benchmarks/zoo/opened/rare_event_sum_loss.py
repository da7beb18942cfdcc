"""Logistic regression for a rare event (2 %), summed loss over the batch, tiny learning rate."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

n = 12000
x = torch.randn(n, 6)
direction = torch.tensor([1.5, -1.0, 0.8, 0.0, 0.5, -0.3])
probability = torch.sigmoid(2 * x @ direction - 9.0)
event = torch.bernoulli(probability)


def auc(score, happened):
    """Return the chance that an event gets a higher score than a quiet day."""
    pos, neg = score[happened > 0], score[happened == 0]
    return (pos[:, None] > neg[None]).float().mean().item()


model = nn.Linear(6, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=2e-4, momentum=0.9)
train, test = slice(0, 10000), slice(10000, n)
print("events", event.mean().item())

for epoch in range(10):
    total = 0.0
    for idx in torch.randperm(10000).split(250):
        logits = model(x[idx])[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, event[idx], reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        ranking = auc(model(x[test])[:, 0], event[test])
    print(f"epoch {epoch} loss {total / 10000:.4f} AUC {ranking:.3f}")
