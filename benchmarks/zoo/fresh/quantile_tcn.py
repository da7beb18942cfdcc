"""River stage six hours ahead, three quantiles from a causal dilated network with weight norm."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def river(hours):
    rain = torch.relu(torch.randn(hours) - 1.6) * 3
    stage = torch.zeros(hours)
    for t in range(1, hours):
        stage[t] = 0.93 * stage[t - 1] + (0.3 * rain[t - 4] if t >= 4 else 0)
    stage += 0.05 * torch.randn(hours)
    both = torch.stack([rain, stage])
    return (both - both.mean(1, keepdim=True)) / both.std(1, keepdim=True)


class CausalBlock(nn.Module):
    def __init__(self, cin, cout, dilation):
        super().__init__()
        self.pad = 2 * dilation
        self.conv = weight_norm(nn.Conv1d(cin, cout, 3, dilation=dilation))
        self.skip = nn.Conv1d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x):
        return self.skip(x) + F.leaky_relu(self.conv(F.pad(x, (self.pad, 0))), 0.1)


class TCN(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        sizes = [2, width, width, width, width]
        self.blocks = nn.Sequential(*(CausalBlock(sizes[i], sizes[i + 1], 2**i) for i in range(4)))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        return self.head(self.blocks(x)[:, :, -1])


def pinball(pred, target):
    error = target[:, None] - pred
    return torch.maximum(QUANTILES * error, (QUANTILES - 1) * error).mean()


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
series = river(3200)
windows = series.unfold(1, 42, 1).transpose(0, 1)
x, y = windows[:, :, :36], windows[:, 1, -1]
model = TCN()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(7):
    model.train()
    for rows in torch.randperm(2600).split(64):
        loss = pinball(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        pred = model(x[2600:])
        val = pinball(pred, y[2600:])
        under = [(y[2600:] < pred[:, i]).float().mean().item() for i in range(3)]
    print(f"epoch {epoch} val {val:.4f} coverage " + " ".join(f"{u:.2f}" for u in under))
