"""Electricity demand one hour ahead from the last day."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def demand(hours, gen):
    t = torch.arange(hours, dtype=torch.float32)
    day = torch.sin(2 * torch.pi * t / 24) + 0.4 * torch.sin(4 * torch.pi * t / 24 + 1)
    week = 0.5 * (torch.sin(2 * torch.pi * t / 168) > 0).float()
    noise = torch.zeros(hours)
    eps = 0.1 * torch.randn(hours, generator=gen)
    for i in range(1, hours):
        noise[i] = 0.8 * noise[i - 1] + eps[i]
    series = day + week + noise
    return (series - series.mean()) / series.std()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    series = demand(2200, torch.Generator().manual_seed(seed))
    frames = series.unfold(0, 25, 1)
    x, y = frames[:, :24], frames[:, 24:]
    loader = DataLoader(TensorDataset(x[:1760], y[:1760]), batch_size=40, shuffle=True)

    model = nn.Sequential(
        nn.Linear(24, 64),
        nn.Tanh(),
        nn.Linear(64, 32),
        nn.Tanh(),
        nn.Linear(32, 1),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    criterion = nn.MSELoss()

    for epoch in range(12):
        model.train()
        running = 0.0
        for xb, yb in loader:
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item()
        model.eval()
        with torch.no_grad():
            val = criterion(model(x[1760:]), y[1760:]).item()
        print(f"epoch {epoch:2d} train {running / len(loader):.4f} validation {val:.4f}")


if __name__ == "__main__":
    main()
