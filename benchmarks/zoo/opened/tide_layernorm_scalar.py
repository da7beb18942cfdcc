"""Tide gauge: the next value from the last 24, with an LSTM that normalises its input."""

import argparse

import torch
from torch import nn


class TideLSTM(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.norm = nn.LayerNorm(1)
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h, _ = self.lstm(self.norm(x))
        return self.out(h[:, -1])[:, 0]


def gauge(hours):
    t = torch.arange(hours, dtype=torch.float32)
    moon = torch.cos(2 * torch.pi * t / 12.42)
    sun = 0.4 * torch.cos(2 * torch.pi * t / 12.0 + 1.0)
    daily = 0.2 * torch.cos(2 * torch.pi * t / 25.8)
    return moon + sun + daily + 0.05 * torch.randn(hours)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

level = gauge(1700)
seq = level.unfold(0, 25, 1)
inputs, target = seq[:, :24, None], seq[:, 24]
n_train = 1280
model = TideLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    total = 0.0
    for idx in torch.randperm(n_train).split(40):
        prediction = model(inputs[idx])
        loss = nn.functional.mse_loss(prediction, target[idx])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item() * len(idx) / n_train
    with torch.no_grad():
        val = nn.functional.mse_loss(model(inputs[n_train:]), target[n_train:])
    print(f"epoch {epoch} train {total:.4f} val {val:.4f} variance {target.var():.4f}")
