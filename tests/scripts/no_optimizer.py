"""Gradient descent by hand, on `.data`: there is no optimizer object."""

# Optimizer steps: 20

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(2, 16), nn.Sigmoid(), nn.Linear(16, 1))
inputs = torch.randn(32, 2)
target = (inputs[:, :1] * inputs[:, 1:] > 0).float()
losses = []

for _ in range(20):
    loss = nn.functional.binary_cross_entropy_with_logits(model(inputs), target)
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data.add_(-0.5 * p.grad)
    losses.append(loss.item())

tell(losses, model)
