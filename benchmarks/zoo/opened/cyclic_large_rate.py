"""Softmax regression with one hidden layer; the learning rate swings between small and large."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.lr_scheduler import CyclicLR


def load():
    d = load_digits()
    x = torch.tensor(d.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    order = torch.randperm(len(x))
    return x[order], torch.tensor(d.target)[order]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load()
    net = nn.Sequential(nn.Linear(64, 96), nn.LayerNorm(96), nn.ReLU(), nn.Linear(96, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    cycle = CyclicLR(optimizer, base_lr=1e-3, max_lr=0.3, step_size_up=60, cycle_momentum=False)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(12):
        losses = []
        for idx in torch.randperm(1500).split(50):
            optimizer.zero_grad()
            loss = criterion(net(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            cycle.step()
            losses.append(loss.item())
        with torch.no_grad():
            acc = (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
        rate = cycle.get_last_lr()[0]
        print(f"epoch {epoch} rate {rate:.3f} loss {sum(losses) / 30:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
