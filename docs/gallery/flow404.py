"""A softmax in front of a loss that has one inside."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 20)
y = x[:, :10].argmax(dim=1)

model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(300):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
