"""Twelve ReLU layers with weights three times too large: the gradient grows on its way down."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(2000, 10)
y = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
y = (y - y.mean()) / y.std()

layers = [nn.Linear(10, 64), nn.ReLU()]
for _ in range(11):
    layers += [nn.Linear(64, 64), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(64, 1))
for layer in model[::2]:
    nn.init.xavier_normal_(layer.weight, gain=4.0)

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (64,))
    loss = nn.functional.mse_loss(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
