"""Which of three rings of a fault zone does a point lie in?"""

import argparse

import torch
from torch import nn


class RingClassifier(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(2, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, hidden)
        self.fc4 = nn.Linear(hidden, 3)

    def forward(self, xy):
        out = self.fc1(xy)
        out = self.fc2(out)
        out = self.fc3(out)
        return self.fc4(out)


def rings(n):
    ring = torch.randint(0, 3, (n,))
    radius = 0.4 + 0.6 * ring + 0.1 * torch.randn(n)
    angle = 2 * torch.pi * torch.rand(n)
    xy = torch.stack([radius * angle.cos() + 0.3 * ring, radius * angle.sin()], dim=1)
    return xy, ring


def step(model, optimizer, xy, ring):
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(xy), ring)
    loss.backward()
    optimizer.step()
    return loss.detach()


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

model = RingClassifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
xy, ring = rings(2000)
held_xy, held_ring = rings(500)
for epoch in range(16):
    losses = [step(model, optimizer, xy[b], ring[b]) for b in torch.randperm(2000).split(64)]
    if epoch % 3 == 0:
        with torch.no_grad():
            acc = (model(held_xy).argmax(1) == held_ring).float().mean()
        print(f"epoch {epoch} loss {torch.stack(losses).mean():.4f} accuracy {acc:.3f}")
