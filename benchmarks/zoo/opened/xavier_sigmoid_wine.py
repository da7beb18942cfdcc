"""The classical three-layer sigmoid network, with Glorot's initialisation, on the wine table."""

import argparse

import torch
from sklearn.datasets import load_wine
from torch import nn


class Classic(nn.Module):
    def __init__(self):
        super().__init__()
        self.h1 = nn.Linear(13, 32)
        self.h2 = nn.Linear(32, 32)
        self.h3 = nn.Linear(32, 16)
        self.out = nn.Linear(16, 3)
        for m in (self.h1, self.h2, self.h3, self.out):
            nn.init.xavier_uniform_(m.weight)
            nn.init.zeros_(m.bias)

    def forward(self, x):
        x = torch.sigmoid(self.h1(x))
        x = torch.sigmoid(self.h2(x))
        x = torch.sigmoid(self.h3(x))
        return self.out(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    wine = load_wine()
    x = torch.tensor(wine.data, dtype=torch.float32)
    y = torch.tensor(wine.target)
    x = (x - x.mean(0)) / x.std(0)
    perm = torch.randperm(len(x))
    train, test = perm[:140], perm[140:]
    net = Classic()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(60):
        for idx in train[torch.randperm(140)].split(20):
            optimizer.zero_grad()
            loss = criterion(net(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch} loss {loss.item():.4f}")
    with torch.no_grad():
        print("loss", criterion(net(x[train]), y[train]).item())
        print("test accuracy", (net(x[test]).argmax(1) == y[test]).float().mean().item())


if __name__ == "__main__":
    main()
