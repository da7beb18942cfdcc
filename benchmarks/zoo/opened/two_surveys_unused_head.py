"""One trunk, one head per survey; today only the first survey is trained."""

import argparse

import torch
from torch import nn


class Multi(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.GRU(3, 24, batch_first=True)
        self.heads = nn.ModuleDict({"north": nn.Linear(24, 4), "south": nn.Linear(24, 7)})

    def forward(self, x, survey):
        _, h = self.trunk(x)
        return self.heads[survey](h[-1])


def north(n):
    y = torch.randint(0, 4, (n,))
    t = torch.linspace(0, 1, 20)
    base = torch.stack([t, 1 - t, (3.14 * t).sin(), 1 - (3.14 * t).sin()])[y]
    x = torch.stack([base, base.flip(1), torch.zeros_like(base)], dim=2)
    return x + 0.4 * torch.randn(n, 20, 3), y


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

x, y = north(1200)
model = Multi()
optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    total, right = 0.0, 0
    for idx in torch.randperm(1200).split(40):
        logits = model(x[idx], "north")
        loss = criterion(logits, y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 30
        right += (logits.argmax(1) == y[idx]).sum().item()
    print(f"epoch {epoch} loss {total:.4f} accuracy {right / 1200:.3f}")
