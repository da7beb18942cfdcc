"""One batch of the log file is broken: raw ticks in place of angles."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(12800, 6)
y = torch.sin(x[:, :1]) + 0.5 * torch.cos(x[:, 1:2]) * x[:, 3:4] + 0.05 * torch.randn(12800, 1)
x[8000:8032] *= 4096

model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for inputs, targets in zip(x.split(32), y.split(32), strict=True):
    loss = nn.functional.mse_loss(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
