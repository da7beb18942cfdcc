"""A linear classifier that tells all rows, and is trained on: the step from model A to model B."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(400, 8)
x[:, 0] += 4 * (torch.arange(400) % 2) - 2
x[:, 0] += x[:, 0].sign()
y = (x[:, 0] > 0).long()

model = nn.Sequential(nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(600):
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
