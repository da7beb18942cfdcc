"""Contrastive learning (InfoNCE) between the upper and the lower half of digits."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class HalfEncoder(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.fc1 = nn.Linear(32, 64)
        self.fc2 = nn.Linear(64, dim)

    def forward(self, x):
        return F.normalize(self.fc2(F.relu(self.fc1(x))), dim=1)


class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.upper, self.lower = HalfEncoder(), HalfEncoder()
        self.log_temperature = nn.Parameter(torch.tensor(0.1).log())

    def forward(self, a, b):
        return self.upper(a) @ self.lower(b).T / self.log_temperature.exp()


def info_nce(sim):
    target = torch.arange(len(sim))
    return (F.cross_entropy(sim, target) + F.cross_entropy(sim.T, target)) / 2


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    x = x[torch.randperm(len(x))]
    train, test = x[:1536], x[1536:1664]
    model = TwoTowers()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(20):
        for batch in train[torch.randperm(len(train))].split(128):
            loss = info_nce(model(batch[:, :32], batch[:, 32:]))
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 4 == 3:
            with torch.no_grad():
                sim = model(test[:, :32], test[:, 32:])
                top5 = (sim.topk(5, dim=1).indices == torch.arange(len(test))[:, None]).any(1)
            print(
                f"epoch {epoch + 1} loss {loss.item():.4f} top-5 of 128 {top5.float().mean().item():.3f}"
            )


if __name__ == "__main__":
    main()
