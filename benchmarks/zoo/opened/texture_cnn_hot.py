"""Rock textures (layered, massive, spotted) with a small CNN."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def textures(n):
    grid = torch.arange(16.0)
    out = torch.randn(n, 1, 16, 16) * 0.5
    kind = torch.randint(0, 3, (n,))
    for i in range(n):
        if kind[i] == 0:
            phase = 6.28 * torch.rand(1)
            out[i, 0] += torch.sin(grid * 1.3 + phase)[:, None]
        elif kind[i] == 2:
            r, c = torch.randint(3, 13, (2,)).tolist()
            out[i, 0, r - 2 : r + 2, c - 2 : c + 2] += 2.0
    return out, kind


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 32),
        nn.ReLU(),
        nn.Linear(32, 3),
    )


def train_one_epoch(model, loader, optimizer, criterion):
    total = 0.0
    for images, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), target)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    images, kind = textures(1200)
    loader = DataLoader(TensorDataset(images[:960], kind[:960]), batch_size=32, shuffle=True)
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        mean = train_one_epoch(model, loader, optimizer, criterion)
        with torch.no_grad():
            acc = (model(images[960:]).argmax(1) == kind[960:]).float().mean().item()
        print(f"[{epoch}] loss {mean:.4f} acc {acc:.3f}")
