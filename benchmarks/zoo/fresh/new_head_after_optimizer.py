"""Transfer: pretrain on even/odd, then put a ten-class head on the network and carry on."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class ConvNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.classifier = nn.Linear(128, classes)

    def forward(self, x):
        return self.classifier(self.features(x))


def epoch_of(model, optimizer, x, y):
    model.train()
    for rows in torch.randperm(len(x)).split(64):
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    y = torch.tensor(y)
    order = torch.randperm(len(y))
    a, b = order[:1400], order[1400:]

    model = ConvNet(2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for epoch in range(3):
        print("even/odd", epoch, epoch_of(model, optimizer, x[a], y[a] % 2))

    model.classifier = nn.Linear(128, 10)
    for epoch in range(14):
        loss = epoch_of(model, optimizer, x[a], y[a])
        model.eval()
        with torch.no_grad():
            acc = (model(x[b]).argmax(1) == y[b]).float().mean().item()
        print(f"digits {epoch} loss {loss:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
