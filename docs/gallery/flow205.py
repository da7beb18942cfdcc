"""Easting, northing, depth and porosity go into a tanh network as they were measured."""

import torch
from torch import nn

torch.manual_seed(0)
size, middle = torch.tensor([900.0, 700, 300, 0.05]), torch.tensor([5e5, 6.8e6, 2000, 0.2])
x = middle + size * torch.randn(1000, 4)
y = ((x[:, 2] > 2000) ^ (x[:, 3] > 0.2)).long()

model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (32,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
