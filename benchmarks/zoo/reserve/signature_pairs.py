"""Siamese network for verification: are two digits of the same class?"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1, stride=2)
        self.fc = nn.Linear(16 * 16, 16)

    def embed(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        return self.fc(x.flatten(1))

    def forward(self, a, b):
        diff = self.embed(a) - self.embed(b)
        return torch.sqrt(diff.pow(2).sum(1))


def contrastive(dist, same, margin=2.0):
    return (same * dist**2 + (1 - same) * torch.clamp(margin - dist, min=0) ** 2).mean()


def pairs(y, by_class, n):
    """Half of the pairs from one class, half at random."""
    i = torch.randint(0, len(y), (n,))
    j = torch.randint(0, len(y), (n,))
    for k in range(0, n, 2):
        pool = by_class[int(y[i[k]])]
        j[k] = pool[torch.randint(0, len(pool), (1,))]
    return i, j


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(digits.target)
    x, y = x[:500], y[:500]
    by_class = {c: (y == c).nonzero().flatten() for c in range(10)}
    net = Twin()
    opt = torch.optim.RMSprop(net.parameters(), lr=5e-4)
    for step in range(300):
        i, j = pairs(y, by_class, 64)
        same = (y[i] == y[j]).float()
        dist = net(x[i], x[j])
        loss = contrastive(dist, same)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 30 == 0 or step == 299:
            acc = ((dist < 1.0).float() == same).float().mean()
            print(f"step {step} loss {loss.item():.4f} acc {acc.item():.3f}")


if __name__ == "__main__":
    main()
