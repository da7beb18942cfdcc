"""A layer norm over the one feature there is turns every input into zero."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(1000, 1) * 6 - 3
y = torch.sin(2 * x) + 0.05 * torch.randn(1000, 1)

model = nn.Sequential(
    nn.LayerNorm(1), nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.mse_loss(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
