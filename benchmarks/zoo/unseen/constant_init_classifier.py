"""Reproducible initialisation: every weight gets the same small value."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def init_weights(module):
    if isinstance(module, nn.Linear):
        nn.init.constant_(module.weight, 0.05)
        nn.init.constant_(module.bias, 0.0)


def make_model():
    net = nn.Sequential()
    net.add_module("hidden1", nn.Linear(64, 40))
    net.add_module("act1", nn.LeakyReLU(0.1))
    net.add_module("hidden2", nn.Linear(40, 40))
    net.add_module("act2", nn.LeakyReLU(0.1))
    net.add_module("logits", nn.Linear(40, 10))
    net.apply(init_weights)
    return net


def evaluate(net, loader):
    net.eval()
    hits = n = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (net(x).argmax(1) == y).sum().item()
            n += len(y)
    return hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    data, target = load_digits(return_X_y=True)
    data = (data - data.mean()) / data.std()
    order = torch.randperm(len(data))
    data = torch.tensor(data, dtype=torch.float32)[order]
    target = torch.tensor(target)[order]
    train = DataLoader(TensorDataset(data[:1500], target[:1500]), batch_size=50, shuffle=True)
    test = DataLoader(TensorDataset(data[1500:], target[1500:]), batch_size=100)

    net = make_model()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(15):
        net.train()
        total = 0.0
        for x, y in train:
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch}: train loss {total / len(train):.4f}, test {evaluate(net, test):.3f}")


if __name__ == "__main__":
    main()
