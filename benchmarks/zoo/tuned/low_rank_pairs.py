"""A classifier whose wide layers are factorised into pairs of linear layers."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def factorised(n_in, n_out, rank):
    return nn.Sequential(nn.Linear(n_in, rank, bias=False), nn.Linear(rank, n_out))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide1 = factorised(64, 256, 12)
        self.wide2 = factorised(256, 256, 12)
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        x = nn.functional.gelu(self.wide1(x))
        x = nn.functional.gelu(self.wide2(x))
        return self.head(x)


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    data, target = load_digits(return_X_y=True)
    x = torch.tensor(data, dtype=torch.float32) / 16
    y = torch.tensor(target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=50, shuffle=True)
    net = Net()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(8):
        net.train()
        for xb, yb in loader:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(xb), yb)
            loss.backward()
            opt.step()
        print(f"epoch {epoch} loss {loss.item():.4f} acc {evaluate(net, x[1500:], y[1500:]):.3f}")


if __name__ == "__main__":
    main()
