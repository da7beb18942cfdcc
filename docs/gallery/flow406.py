"""A training loop that never takes a step."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 20)
y = x[:, :5].argmax(dim=1)

model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 5))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(200):
    rows = torch.randint(0, len(x), (50,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    loss.backward()
