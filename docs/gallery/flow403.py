"""The gradient is never set back to zero: each step adds to all before it."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 20)
y = (x[:, 0] + x[:, 1] + 0.5 * torch.randn(1000) > 0).long()

model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
for _ in range(300):
    rows = torch.randint(0, len(x), (30,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    loss.backward()
    optimizer.step()
