"""Transfer learning: pretrain on digits 0-4, then teach 5-9 with gradual unfreezing."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


def make_backbone():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
    )


class Classifier(nn.Module):
    def __init__(self, backbone, classes=5):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(16 * 16, classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def train(model, x, y, optimizer, epochs, tag):
    for epoch in range(epochs):
        total, hits = 0.0, 0
        for rows in torch.randperm(len(x)).split(32):
            out = model(x[rows])
            loss = nn.functional.cross_entropy(out, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            hits += (out.argmax(1) == y[rows]).sum().item()
        print(f"{tag} {epoch} loss {total / len(x):.3f} acc {hits / len(x):.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(d.target)
    low, high = y < 5, y >= 5
    backbone = make_backbone()
    source = Classifier(backbone)
    train(source, x[low], y[low], torch.optim.Adam(source.parameters(), lr=2e-3), 3, "source")

    model = Classifier(backbone)
    for p in model.backbone.parameters():
        p.requires_grad = False
    optimizer = torch.optim.Adam(model.head.parameters(), lr=2e-3)
    train(model, x[high], y[high] - 5, optimizer, 3, "head only")
    for p in model.backbone[3].parameters():
        p.requires_grad = True
    optimizer.add_param_group({"params": model.backbone[3].parameters(), "lr": 2e-4})
    train(model, x[high], y[high] - 5, optimizer, 4, "last conv too")


if __name__ == "__main__":
    main()
