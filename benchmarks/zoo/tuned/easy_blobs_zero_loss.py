"""Three far blobs: the loss reaches zero after a few dozen steps and the run goes on."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import make_blobs
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(5, 32)
        self.b = nn.Linear(32, 32)
        self.c = nn.Linear(32, 3)

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x)))))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    centers = [[3.0, 0, 0, 0, 3], [-3.0, 3, 0, 0, 0], [0, -3.0, 0, 3, -3]]
    x, y = make_blobs(900, centers=centers, cluster_std=0.5, random_state=seed)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    net = Net()
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(16):
        for idx in torch.randperm(len(x)).split(30):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[idx]), y[idx])
            loss.backward()
            opt.step()
        if epoch % 3 == 0:
            with torch.no_grad():
                acc = (net(x).argmax(1) == y).float().mean().item()
            print(f"epoch {epoch}: loss {loss.item():.2e} acc {acc:.3f}")


if __name__ == "__main__":
    main()
