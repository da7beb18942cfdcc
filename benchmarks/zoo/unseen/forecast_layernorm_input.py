"""One-step forecast of a noisy oscillation. The network predicts the mean for everything."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)


def series(n, length=21):
    t = torch.arange(length).float()
    freq = 0.2 + 0.6 * torch.rand(n, 1)
    phase = 6.28 * torch.rand(n, 1)
    amplitude = 0.5 + torch.rand(n, 1)
    return amplitude * torch.sin(freq * t + phase) + 0.02 * torch.randn(n, length)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.norm = nn.LayerNorm(1)
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x):
        x = self.norm(x.unsqueeze(-1))
        out, _ = self.gru(x)
        return self.readout(out[:, -1]).squeeze(-1)


data = series(1600)
inputs, targets = data[:, :-1], data[:, -1]
loader = DataLoader(TensorDataset(inputs, targets), batch_size=64, shuffle=True)
model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
mse = nn.MSELoss()

for epoch in range(16):
    epoch_loss = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = mse(model(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        epoch_loss += loss.item() * len(x)
    print(f"Epoch {epoch + 1:2d}: {epoch_loss / len(data):.4f} (variance {targets.var():.4f})")
