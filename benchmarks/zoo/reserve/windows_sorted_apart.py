"""Predict the next value of a noisy seasonal series from the last 24 with a GRU."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    """All windows of a series, shuffled once so that batches are mixed."""

    def __init__(self, series, length=24):
        count = len(series) - length
        self.past = torch.stack([series[i : i + length] for i in range(count)])
        self.future = series[length:]
        self.past = self.past[torch.randperm(count)]

    def __len__(self):
        return len(self.future)

    def __getitem__(self, i):
        return self.past[i].unsqueeze(-1), self.future[i]


class Forecaster(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        seq, _ = self.gru(x)
        return self.out(seq[:, -1]).squeeze(-1)


def make_series(n=1200):
    t = torch.arange(n).float()
    wave = torch.sin(t * 2 * torch.pi / 12) + 0.5 * torch.sin(t * 2 * torch.pi / 31)
    series = wave + 0.15 * torch.randn(n)
    return (series - series.mean()) / series.std()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    loader = DataLoader(Windows(make_series()), batch_size=64)
    net = Forecaster()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    for epoch in range(10):
        total = 0.0
        for past, future in loader:
            loss = nn.functional.mse_loss(net(past), future)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(future)
        print(f"epoch {epoch} mse {total / len(loader.dataset):.4f}")


if __name__ == "__main__":
    main()
