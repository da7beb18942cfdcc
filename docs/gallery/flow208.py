"""House prices in dollars, learned as they are."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(2000, 4)
price = 300_000 + 100_000 * x[:, :1] + 40_000 * torch.tanh(x[:, 1:2]) + 5_000 * torch.randn(2000, 1)
y = price

model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(400):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.mse_loss(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
