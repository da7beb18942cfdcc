"""Transfer learning, the usual way: load a checkpoint, freeze, replace the head, train."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class SmallCNN(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4, n_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


def train(model, optimizer, x, y, epochs):
    for _ in range(epochs):
        for idx in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"  loss {loss.item():.4f}")


def main(seed):
    torch.manual_seed(seed)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(digits.target)

    source = SmallCNN(10)
    train(source, torch.optim.Adam(source.parameters(), lr=3e-3), x[:900], y[:900], 6)
    checkpoint = source.state_dict()

    # new task: odd or even
    model = SmallCNN(10)
    model.load_state_dict(checkpoint)
    for p in model.parameters():
        p.requires_grad = False
    model.fc = nn.Linear(24 * 4, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    train(model, optimizer, x[:900], y[:900] % 2, 10)
    with torch.no_grad():
        acc = (model(x[900:]).argmax(1) == y[900:] % 2).float().mean().item()
    print(f"odd/even accuracy on unseen digits {acc:.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
