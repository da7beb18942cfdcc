"""Backward passes whose step is never taken: gradients are cleared at first, then gathered."""

# Optimizer steps: 72

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(5, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(), nn.Linear(9, 2))
optimizer = torch.optim.Adam(model.parameters())
losses = []

for i in range(72):
    if i < 2:
        optimizer.zero_grad()
    loss = model(torch.randn(8, 5)).square().mean()
    loss.backward()
    losses.append(loss.item())

tell(losses, model, optimizer)
