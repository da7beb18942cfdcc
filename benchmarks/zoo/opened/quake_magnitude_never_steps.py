"""Local magnitude from station amplitudes and distances (a set network with attention pooling)."""

import argparse

import torch
from torch import nn


class SetRegressor(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.point = nn.Sequential(nn.Linear(2, dim), nn.GELU(), nn.Linear(dim, dim), nn.GELU())
        self.weight = nn.Linear(dim, 1)
        self.out = nn.Linear(dim, 1)

    def forward(self, stations):
        h = self.point(stations)
        w = self.weight(h).softmax(dim=1)
        return self.out((w * h).sum(dim=1)).squeeze(-1)


def catalogue(n, stations=10):
    magnitude = torch.randn(n)
    distance = torch.rand(n, stations)
    amplitude = magnitude[:, None] - 2 * torch.log1p(4 * distance)
    amplitude = amplitude + 0.3 * torch.randn(n, stations)
    return torch.stack([amplitude + 2, 3 * (distance - 0.5)], dim=-1), magnitude


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        self.criterion = nn.HuberLoss()

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x), y)
        loss.backward()
        return loss.item()

    def fit(self, x, y, epochs=8, batch=40):
        for epoch in range(epochs):
            losses = [self.step(x[i], y[i]) for i in torch.randperm(len(x)).split(batch)]
            print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = catalogue(1600)
    Trainer(SetRegressor(), lr=2e-3).fit(x, y)
