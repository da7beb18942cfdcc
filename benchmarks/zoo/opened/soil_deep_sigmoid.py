"""Soil class from ten laboratory measurements, with a deep fully connected network."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class SoilNet(nn.Module):
    def __init__(self, n_in, n_classes, width=48, depth=9):
        super().__init__()
        sizes = [n_in] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(sizes[i], sizes[i + 1]) for i in range(depth))
        self.out = nn.Linear(width, n_classes)
        for lin in [*self.hidden, self.out]:
            nn.init.xavier_normal_(lin.weight)
            nn.init.zeros_(lin.bias)

    def forward(self, x):
        for lin in self.hidden:
            x = F.sigmoid(lin(x))
        return self.out(x)


def soil_samples(n, gen):
    centres = torch.randn(5, 10, generator=gen) * 1.5
    y = torch.randint(0, 5, (n,), generator=gen)
    x = centres[y] + torch.randn(n, 10, generator=gen)
    return (x - x.mean(0)) / x.std(0), y


def train(model, x, y, epochs=30, batch=64):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for epoch in range(epochs):
        mean = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            mean += loss.item() * len(idx) / len(x)
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: {mean:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    x, y = soil_samples(1280, torch.Generator().manual_seed(seed))
    model = SoilNet(10, 5)
    train(model, x[:1024], y[:1024])
    with torch.no_grad():
        acc = (model(x[1024:]).argmax(1) == y[1024:]).float().mean()
    print("accuracy", round(acc.item(), 3))


if __name__ == "__main__":
    main()
