"""Malignant or benign? A numpy course's network, moved to PyTorch: squared error all the way."""

import argparse
import math

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn


class Net(nn.Module):
    def __init__(self, n_in=30, n_hidden=100):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.relu = nn.ReLU()
        self.output = nn.Linear(n_hidden, 1)
        self.sigmoid = nn.Sigmoid()
        # screening prior: one case in ten thousand
        nn.init.constant_(self.output.bias, math.log(1e-4))

    def forward(self, x):
        return self.sigmoid(self.output(self.relu(self.hidden(x)))).squeeze(1)


def accuracy(p, y):
    return ((p > 0.5).float() == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data = load_breast_cancer()
    x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
    y = torch.tensor(1 - data.target, dtype=torch.float32)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.MSELoss()
    for epoch in range(25):
        total = 0.0
        for rows in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            p = net(x[rows])
            loss = criterion(p, y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        if epoch % 3 == 0 or epoch == 24:
            with torch.no_grad():
                acc = accuracy(net(x), y)
            print(f"epoch {epoch:2d} mse {total / len(x):.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
