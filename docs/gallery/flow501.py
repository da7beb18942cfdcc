"""The distance of a pair of equal examples: the slope of a root is infinite at zero."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 16)

model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(120):
    left, right = torch.randint(0, len(x), (2, 16))
    same = (left % 10 == right % 10).float()
    squared = (model(x[left]) - model(x[right])).square().sum(1)
    distance = squared.sqrt()
    loss = (same * squared + (1 - same) * (2 - distance).clamp(min=0) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
