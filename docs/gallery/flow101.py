"""A tanh network whose weights are drawn far too large."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 20)
y = (x[:, 0] * x[:, 1] > 0).long()

model = nn.Sequential(
    nn.Linear(20, 64), nn.Tanh(),
    nn.Linear(64, 64), nn.Tanh(),
    nn.Linear(64, 64), nn.Tanh(),
    nn.Linear(64, 2),
)  # fmt: skip
for layer in model[:-1:2]:
    nn.init.uniform_(layer.weight, -3, 3)

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(300):
    rows = torch.randint(0, len(x), (64,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
