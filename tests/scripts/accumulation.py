"""Four micro-batches of unequal size to a step."""

# Optimizer steps: 10

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(10, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 3))
optimizer = torch.optim.NAdam(model.parameters(), lr=1e-2)
losses = []

for _ in range(10):
    for size in (16, 16, 16, 8):
        inputs, labels = torch.randn(size, 10), torch.randint(3, (size,))
        loss = nn.functional.cross_entropy(model(inputs), labels) / 4
        loss.backward()
        losses.append(loss.item())
    optimizer.step()
    optimizer.zero_grad()

tell(losses, model, optimizer)
