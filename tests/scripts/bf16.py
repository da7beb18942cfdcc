"""Weights, gradients and optimizer state all in bfloat16: many steps round to nothing."""

# Optimizer steps: 20

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(8, 32), nn.SiLU(), nn.RMSNorm(32), nn.Linear(32, 4)).bfloat16()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.1)
losses = []

for _ in range(20):
    inputs, labels = torch.randn(16, 8).bfloat16(), torch.randint(4, (16,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs).float(), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
