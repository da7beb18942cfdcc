"""Well separated classes: every row is right after a few steps, in training and validation alike."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import make_blobs
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    data, target = make_blobs(600, n_features=6, centers=4, cluster_std=0.7, random_state=seed)
    x = torch.tensor((data - data.mean(0)) / data.std(0), dtype=torch.float32)
    y = torch.tensor(target)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(1, 501):
        loss = F.cross_entropy(model(x[:400]), y[:400])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 25 == 0:
            with torch.no_grad():
                val = F.cross_entropy(model(x[400:]), y[400:])
            print(f"step {step} loss {loss.item():.5f} validation {val.item():.5f}")


if __name__ == "__main__":
    main()
