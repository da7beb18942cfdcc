"""How deep can a plain network be? With 20 layers it no longer learns the wine data."""

import argparse

import torch
from sklearn.datasets import load_wine
from torch import nn


class DeepNet(nn.Module):
    def __init__(self, n_in, width, depth, n_out):
        super().__init__()
        layers = [nn.Linear(n_in, width), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Linear(width, width), nn.ReLU()]
        layers.append(nn.Linear(width, n_out))
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x)


def fit(model, X, y, epochs=50, batch_size=16, lr=0.05):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            loss = loss_fn(model(X[idx]), y[idx])
            loss.backward()
            optimizer.step()
        if epoch % 10 == 9:
            model.eval()
            with torch.no_grad():
                out = model(X)
                acc = (out.argmax(1) == y).float().mean()
                print(f"{epoch + 1:3d} loss {loss_fn(out, y):.4f} acc {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    X, y = load_wine(return_X_y=True)
    X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
    y = torch.tensor(y)
    fit(DeepNet(13, 32, 20, 3), X, y)
