"""All weights start at the same number, so the units of a layer stay copies of each other."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 20)
y = x[:, :5].argmax(dim=1)

model = nn.Sequential(nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 5))
for layer in model[::2]:
    nn.init.constant_(layer.weight, 0.02)
    nn.init.zeros_(layer.bias)

optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
