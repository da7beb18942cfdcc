"""The head is exchanged after the optimizer was made: the new one is in no optimizer."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 20)
y = x[:, :10].argmax(dim=1)

model = nn.Sequential(
    nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1000)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
model[4] = nn.Linear(64, 10)
for _ in range(200):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
