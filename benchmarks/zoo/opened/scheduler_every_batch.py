"""Forecast river discharge one day ahead with a GRU."""

import argparse
import math

import torch
from torch import nn


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, window):
        states, _ = self.gru(window)
        return self.readout(states[:, -1]).squeeze(-1)


def discharge(days, gen):
    rain = torch.relu(torch.randn(days, generator=gen)) * (torch.rand(days, generator=gen) < 0.4)
    flow = torch.zeros(days)
    level = 0.0
    for d in range(days):
        level = 0.85 * level + float(rain[d])
        flow[d] = level + 0.5 * math.sin(2 * math.pi * d / 90)
    rain = (rain - rain.mean()) / rain.std()
    flow = (flow - flow.mean()) / flow.std()
    return torch.stack([rain, flow], dim=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    series = discharge(1500, torch.Generator().manual_seed(seed))
    x = series.unfold(0, 20, 1)[:-1].transpose(1, 2)
    y = series[20:, 1]
    split = 1200
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    for epoch in range(12):
        losses = []
        for idx in torch.randperm(split).split(40):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        with torch.no_grad():
            val = nn.functional.mse_loss(model(x[split:]), y[split:]).item()
        print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f} validation {val:.4f}")


if __name__ == "__main__":
    main()
