"""GRU forecaster with a triangular cyclic learning rate: the loss saws with it."""

import argparse

import torch
from torch import nn


def series(n, length=25):
    t = torch.arange(length + 1).float()
    freq = 0.2 + 0.3 * torch.rand(n, 1)
    phase = 6.28 * torch.rand(n, 1)
    wave = torch.sin(freq * t + phase) + 0.3 * torch.sin(2.1 * freq * t)
    wave = wave + 0.05 * torch.randn(n, length + 1)
    return wave[:, :-1].unsqueeze(-1), wave[:, 1:].unsqueeze(-1)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h, _ = self.gru(x)
        return self.out(h)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = Forecaster()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CyclicLR(
        optimizer, base_lr=0.005, max_lr=0.15, step_size_up=40, cycle_momentum=False
    )
    criterion = nn.MSELoss()
    x_test, y_test = series(300)
    print(f"variance {y_test.var().item():.4f}")
    for step in range(1, 321):
        x, y = series(32)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 80 == 0:
            with torch.no_grad():
                test = criterion(model(x_test), y_test).item()
            print(f"step {step} lr {scheduler.get_last_lr()[0]:.3f} test {test:.4f}")


if __name__ == "__main__":
    main()
