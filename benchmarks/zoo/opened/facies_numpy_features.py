"""Facies from log windows: a convolutional encoder, z-scored features, then a classifier."""

import argparse

import torch
from torch import nn


def normalise(features):
    """Z-score over the batch."""
    array = features.detach().numpy()
    array = (array - array.mean(axis=0)) / (array.std(axis=0) + 1e-6)
    return torch.from_numpy(array)


class FaciesModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(3, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(16, 8, 5, padding=2),
            nn.ReLU(),
            nn.AdaptiveMaxPool1d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x):
        return self.classifier(normalise(self.encoder(x)))


def windows(n):
    y = torch.randint(0, 4, (n,))
    z = torch.linspace(-1, 1, 32)
    shapes = torch.stack([z, -z, 1 - 2 * z.abs(), torch.sin(9 * z)])
    x = 0.6 * torch.randn(n, 3, 32)
    x[:, 0] += shapes[y]
    x[:, 1] += 0.5 * shapes[(y + 1) % 4]
    return x, y


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    x, y = windows(1600)
    model = FaciesModel()
    optim = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(10):
        hits, total = 0, 0.0
        for idx in torch.randperm(1600).split(40):
            optim.zero_grad()
            out = model(x[idx])
            loss = criterion(out, y[idx])
            loss.backward()
            optim.step()
            hits += (out.argmax(1) == y[idx]).sum().item()
            total += loss.item() / 40
        print(f"epoch {epoch} loss {total:.4f} train accuracy {hits / 1600:.3f}")
