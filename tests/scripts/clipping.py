"""Gradients clipped by value, then by hand to a norm, then by PyTorch."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

seed()
model = nn.Sequential(nn.Linear(6, 24), nn.ELU(), nn.Linear(24, 2))
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
losses, norms = [], []

for _ in range(12):
    optimizer.zero_grad()
    loss = 30 * (model(torch.randn(16, 6)) - torch.randn(16, 2)).abs().mean()
    loss.backward()
    clip_grad_value_(model.parameters(), clip_value=1.0)
    total = torch.sqrt(sum(p.grad.square().sum() for p in model.parameters()))
    if total > 2:
        for parameter in model.parameters():
            parameter.grad.mul_(2 / total)
    norms.append(clip_grad_norm_(model.parameters(), 1.5, norm_type=float("inf")).item())
    optimizer.step()
    losses.append(loss.item())

tell(losses + norms, model, optimizer)
