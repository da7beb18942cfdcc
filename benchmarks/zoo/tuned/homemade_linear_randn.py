"""A network of home-made dense layers on the digits."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Dense(nn.Module):
    """y = x W + b."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.W = nn.Parameter(torch.randn(n_in, n_out))
        self.b = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return x @ self.W + self.b


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.d1 = Dense(64, 128)
        self.d2 = Dense(128, 128)
        self.d3 = Dense(128, 128)
        self.d4 = Dense(128, 10)

    def forward(self, x):
        x = self.d1(x).relu()
        x = self.d2(x).relu()
        x = self.d3(x).relu()
        return self.d4(x)


def main(seed):
    torch.manual_seed(seed)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X, dtype=torch.float32) / 16
    X -= X.mean(0)
    y = torch.tensor(y)
    order = torch.randperm(len(X))
    tr, te = order[:1400], order[1400:]
    net = Net()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in range(1, 301):
        idx = tr[torch.randint(0, len(tr), (64,))]
        loss = nn.functional.cross_entropy(net(X[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 60 == 0 or step == 1:
            with torch.no_grad():
                out = net(X[te])
                tl = nn.functional.cross_entropy(out, y[te]).item()
                acc = (out.argmax(1) == y[te]).float().mean().item()
            print(f"{step} train {loss.item():.3f} test {tl:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--seed", type=int, default=0)
    main(a.parse_args().seed)
