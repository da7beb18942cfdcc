"""Logistic regression for rare events (about 3 % positives), with per-class report."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)

n, d = 6000, 20
amount = rng.normal(size=(n, d)).astype("float32")
w_true = rng.normal(size=d) * (rng.random(d) < 0.4)
w_true[0] = 2.0
logit = amount @ w_true * 1.5
logit = logit - np.quantile(logit, 0.97)
fraud = (rng.random(n) < 1 / (1 + np.exp(-3 * logit))).astype("float32")

X = torch.from_numpy(amount)
y = torch.from_numpy(fraud)
model = torch.nn.Linear(d, 1)
torch.nn.init.zeros_(model.weight)
torch.nn.init.constant_(model.bias, float(np.log(fraud.mean() / (1 - fraud.mean()))))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)


def average_precision(score, truth):
    order = score.argsort(descending=True)
    hit = truth[order]
    precision = hit.cumsum(0) / torch.arange(1, len(hit) + 1)
    return ((precision * hit).sum() / hit.sum()).item()


for epoch in range(8):
    losses = []
    for rows in torch.randperm(n).split(128):
        z = model(X[rows]).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(z, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        score = model(X).squeeze(1)
    base = y.mean()
    entropy = -(base * base.log() + (1 - base) * (1 - base).log())
    print(
        f"epoch {epoch} loss {np.mean(losses):.4f} (prior {entropy:.4f}) "
        f"AP {average_precision(score, y):.3f} positives {int(y.sum())}"
    )
