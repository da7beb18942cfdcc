"""Weights that are computed anew at each call: one more call of ours would move their buffers."""

# Optimizer steps: 10

import torch
from digest import seed, tell
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm

seed()
model = nn.Sequential(
    spectral_norm(nn.Linear(6, 16)), nn.ReLU(), weight_norm(nn.Linear(16, 16)), nn.PReLU(),
    orthogonal(nn.Linear(16, 16)), nn.RReLU(), nn.LazyLinear(2),
)  # fmt: skip
model(torch.randn(2, 6))  # the lazy layer takes its shape
optimizer = torch.optim.Adadelta(model.parameters())
losses = []

for _ in range(10):
    optimizer.zero_grad()
    loss = nn.functional.multi_margin_loss(model(torch.randn(16, 6)), torch.randint(2, (16,)))
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
