"""Find repeating earthquakes: a siamese network with a contrastive loss on the distance."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(40, 64)
        self.fc2 = nn.Linear(64, 16)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def distance(a, b):
    return torch.sqrt(((a - b) ** 2).sum(dim=1))


def contrastive(d, same, margin=2.0):
    return (same * d**2 + (1 - same) * F.relu(margin - d) ** 2).mean()


def make_pairs(n, templates, events, gen):
    """Pairs of events; half of them share a template."""
    same = (torch.rand(n, generator=gen) < 0.5).float()
    i = torch.randint(len(events), (n,), generator=gen)
    j = torch.randint(len(events), (n,), generator=gen)
    family = len(templates)
    stay = (j // family) * family + i % family
    j = torch.where(same > 0.5, stay, j)
    same = (i % family == j % family).float()
    return events[i], events[j], same


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed)
    templates = torch.randn(12, 40, generator=gen)
    events = templates.repeat(50, 1)
    events = events + 0.7 * torch.randn(events.shape, generator=gen)
    tower = Tower()
    optimizer = torch.optim.Adam(tower.parameters(), lr=1e-3)
    for step in range(400):
        a, b, same = make_pairs(64, templates, events, gen)
        d = distance(tower(a), tower(b))
        loss = contrastive(d, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 40 == 0:
            print(f"step {step} loss {loss.item():.4f}")
    a, b, same = make_pairs(500, templates, events, gen)
    with torch.no_grad():
        close = (distance(tower(a), tower(b)) < 1.0).float()
    print("accuracy", (close == same).float().mean().item())


if __name__ == "__main__":
    main()
