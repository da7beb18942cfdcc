"""Plain logistic regression: one linear layer, weights start at zero."""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn


class LogisticRegression(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.linear = nn.Linear(n_features, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return torch.sigmoid(self.linear(x)).squeeze(1)


def standardise(x, mean, std):
    return (x - mean) / std


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_breast_cancer(return_X_y=True)
    x, y = torch.tensor(x), torch.tensor(y, dtype=torch.float64)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    mean, std = x[:400].mean(0), x[:400].std(0)
    x = standardise(x, mean, std)

    model = LogisticRegression(30).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    criterion = nn.BCELoss()
    for iteration in range(1, 301):
        p = model(x[:400])
        loss = criterion(p, y[:400])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration % 60 == 0:
            with torch.no_grad():
                acc = ((model(x[400:]) > 0.5) == (y[400:] > 0.5)).double().mean().item()
            print(f"iteration {iteration}: loss {loss.item():.4f} test accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
