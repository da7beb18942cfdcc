"""Warm up the head with a frozen trunk, then unfreeze. The optimizer was filtered while it was frozen."""

import argparse

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 16), nn.Tanh()
        )
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.trunk(x))


def spirals(n):
    k = torch.randint(0, 3, (n,))
    r = torch.rand(n)
    angle = 6.0 * r + 2.094 * k
    x = torch.stack([r * angle.cos(), r * angle.sin()], 1)
    return 2 * x + 0.05 * torch.randn(n, 2), k


def set_trainable(module, flag):
    for p in module.parameters():
        p.requires_grad_(flag)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
x, y = spirals(2000)
xv, yv = spirals(500)
net = Net()
set_trainable(net.trunk, False)
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, net.parameters()), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    if epoch == 2:
        set_trainable(net.trunk, True)
        print("trunk unfrozen")
    for rows in torch.randperm(2000).split(50):
        loss = criterion(net(x[rows]), y[rows])
        net.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        out = net(xv)
        val = criterion(out, yv).item()
        acc = (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} val {val:.3f} acc {acc:.3f}")
