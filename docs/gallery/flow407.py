"""A softmax over one output unit: the answer is always one."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 20)
y = (x[:, 0] + x[:, 1] > 0).float()

model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softmax(dim=1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(200):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.binary_cross_entropy(model(x[rows])[:, 0], y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
