"""Eight sigmoid layers, drawn as PyTorch draws them."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 10)
y = (x[:, 0] + x[:, 1] > 0).long()

layers = [nn.Linear(10, 32), nn.Sigmoid()]
for _ in range(7):
    layers += [nn.Linear(32, 32), nn.Sigmoid()]
model = nn.Sequential(*layers, nn.Linear(32, 2))

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(300):
    rows = torch.randint(0, len(x), (32,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
