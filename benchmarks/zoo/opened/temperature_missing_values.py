"""Station temperatures: regression on six neighbours. The file has one block of missing values."""

import argparse

import torch
from torch import nn


def stations(n):
    weather = torch.randn(n, 3)
    mix = torch.randn(3, 6)
    neighbours = weather @ mix / 3**0.5 + 0.2 * torch.randn(n, 6)
    target = torch.tanh(weather[:, 0]) + 0.5 * weather[:, 1] * weather[:, 2]
    target = target + 0.1 * torch.randn(n)
    return neighbours, (target - target.mean()) / target.std()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = stations(50 * 400)
    missing = 50 * 260
    y[missing : missing + 50] = -99.9

    model = nn.Sequential(
        nn.Linear(6, 64), nn.LeakyReLU(), nn.Linear(64, 64), nn.LeakyReLU(), nn.Linear(64, 1)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    mse = nn.MSELoss()
    running = 0.0
    for step in range(400):
        rows = slice(50 * step, 50 * step + 50)
        optimizer.zero_grad()
        loss = mse(model(x[rows])[:, 0], y[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item()
        if step % 20 == 19:
            print(f"step {step + 1} loss {running / 20:.4f}")
            running = 0.0


if __name__ == "__main__":
    main()
