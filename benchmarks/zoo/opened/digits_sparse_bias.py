"""Digits with a multilayer perceptron; the biases start low to make the code sparse."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def build(n_in, hidden, n_out):
    layers = []
    last = n_in
    for width in hidden:
        lin = nn.Linear(last, width)
        nn.init.kaiming_uniform_(lin.weight, nonlinearity="relu")
        nn.init.constant_(lin.bias, -6.0)
        layers += [lin, nn.ReLU()]
        last = width
    layers.append(nn.Linear(last, n_out))
    return nn.Sequential(*layers)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        hits = (model(x).argmax(dim=1) == y).float().mean()
    model.train()
    return hits.item()


def main(seed):
    torch.manual_seed(seed)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    y = torch.tensor(digits.target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=50, shuffle=True)

    model = build(64, [128, 64], 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(12):
        running = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item()
        acc = evaluate(model, x[1500:], y[1500:])
        print(f"epoch {epoch:2d}  loss {running / len(loader):.4f}  accuracy {acc:.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
