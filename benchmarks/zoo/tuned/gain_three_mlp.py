"""Regression on a smooth function of ten inputs, deep ReLU network."""

import argparse

import torch
from torch import nn


def target(x):
    return torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2


class DeepRegressor(nn.Module):
    def __init__(self, n_in=10, width=64, depth=14):
        super().__init__()
        self.first = nn.Linear(n_in, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.relu = nn.ReLU()
        self.last = nn.Linear(width, 1)
        for layer in self.hidden:
            nn.init.xavier_normal_(layer.weight, gain=3.0)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        x = self.relu(self.first(x))
        for layer in self.hidden:
            x = self.relu(layer(x))
        return self.last(x).squeeze(1)


def run(seed):
    torch.manual_seed(seed)
    x = torch.randn(2048, 10)
    y = target(x)
    y = (y - y.mean()) / y.std()
    model = DeepRegressor()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    step = 0
    for epoch in range(10):
        total = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = criterion(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
            step += 1
        print(f"epoch {epoch} step {step} mean squared error {total / len(x):.4g}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    run(parser.parse_args().seed)
