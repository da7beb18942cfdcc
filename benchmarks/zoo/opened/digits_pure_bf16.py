"""Digits; the whole model is kept in bfloat16 to save memory."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)

dtype = torch.bfloat16
digits = load_digits()
x = torch.tensor(digits.data / 16 - 0.5, dtype=dtype)
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(64, 128)
        self.mid = nn.Linear(128, 128)
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        x = F.gelu(self.inp(x))
        x = F.gelu(self.mid(x))
        return self.out(x)


model = MLP().to(dtype)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
for epoch in range(14):
    order = torch.randperm(1500)
    epoch_loss = 0.0
    for i in range(0, 1500, 30):
        idx = order[i : i + 30]
        optimizer.zero_grad()
        logits = model(x[idx])
        loss = F.cross_entropy(logits.float(), y[idx])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / 50
    with torch.no_grad():
        acc = (model(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
    print(f"epoch {epoch} loss {epoch_loss:.4f} accuracy {acc:.3f}")
