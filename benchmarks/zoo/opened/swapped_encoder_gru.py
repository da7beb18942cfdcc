"""Volcanic tremor or traffic? A GRU over short envelopes; the encoder is widened for this task."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class TremorNet(nn.Module):
    def __init__(self, hidden=8):
        super().__init__()
        self.encoder = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def widen(self, hidden):
        self.encoder = nn.GRU(1, hidden, batch_first=True)
        with torch.no_grad():
            grown = nn.Linear(hidden, 1)
            self.head.weight.data = grown.weight.data
            self.head.bias.data = grown.bias.data

    def forward(self, x):
        _, last = self.encoder(x)
        return self.head(last[0]).squeeze(-1)


def envelopes(n):
    y = (torch.rand(n) < 0.5).float()
    x = torch.zeros(n, 30)
    noise = torch.randn(n, 30)
    for t in range(1, 30):
        phi = torch.where(y > 0.5, 0.75, -0.15)
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    x = x / x.std(dim=1, keepdim=True)
    return x[:, :, None], y


def accuracy(model, x, y):
    with torch.no_grad():
        return ((model(x) > 0).float() == y).float().mean().item()


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)
model = TremorNet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
model.widen(24)

x, y = envelopes(1500)
xt, yt = envelopes(500)
for epoch in range(8):
    losses = []
    for idx in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"{epoch} loss {sum(losses) / len(losses):.4f} test {accuracy(model, xt, yt):.3f}")
