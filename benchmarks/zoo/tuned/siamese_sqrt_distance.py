"""Siamese network with contrastive loss on digits."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, x):
        return self.net(x)


def distance(a, b):
    return torch.sqrt(((a - b) ** 2).sum(dim=1))


def contrastive(d, same, margin=2.0):
    return (same * d**2 + (1 - same) * torch.clamp(margin - d, min=0) ** 2).mean()


def pairs(x, by_class, n):
    """Half of the pairs show the same digit."""
    left, right, same = [], [], []
    for i in range(n):
        a = int(torch.randint(0, 10, ()))
        b = a if i % 2 == 0 else (a + int(torch.randint(1, 10, ()))) % 10
        ia = by_class[a][int(torch.randint(0, len(by_class[a]), ()))]
        ib = by_class[b][int(torch.randint(0, len(by_class[b]), ()))]
        left.append(ia)
        right.append(ib)
        same.append(float(a == b))
    return x[torch.stack(left)], x[torch.stack(right)], torch.tensor(same)


def main(seed):
    torch.manual_seed(seed)
    data, target = load_digits(return_X_y=True)
    x = torch.tensor(data, dtype=torch.float32) / 16
    y = torch.tensor(target)
    by_class = [torch.nonzero(y == c).squeeze(1)[:30] for c in range(10)]
    model = Tower()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(1, 201):
        a, b, same = pairs(x, by_class, 64)
        d = distance(model(a), model(b))
        loss = contrastive(d, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 40 == 0 or step == 1:
            right = ((d < 1.0).float() == same).float().mean().item()
            print(f"step {step} loss {loss.item():.4f} pairs right {right:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
