"""An eight-layer sigmoid classifier for the breast cancer data."""

import argparse
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn


class Deep(nn.Module):
    def __init__(self, n_in, width, depth):
        super().__init__()
        sizes = [n_in] + [width] * depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        for layer in self.layers:
            x = torch.sigmoid(layer(x))
        return self.out(x)


def batches(n, size, generator):
    order = torch.randperm(n, generator=generator)
    yield from order.split(size)


def main(seed):
    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed)
    bunch = load_breast_cancer()
    x = bunch.data.astype(np.float32)
    x = torch.from_numpy((x - x.mean(0)) / x.std(0))
    y = torch.from_numpy(bunch.target)
    net = Deep(30, 48, 8)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(20):
        losses = []
        for idx in batches(len(x), 32, gen):
            loss = loss_fn(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 4 == 3:
            with torch.no_grad():
                acc = (net(x).argmax(1) == y).float().mean().item()
            print(f"epoch {epoch + 1}: {np.mean(losses):.4f}  acc {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
