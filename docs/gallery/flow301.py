"""Weights kept in bfloat16: most steps are smaller than the spacing of its numbers."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1500, 64)
y = x[:, :10].argmax(dim=1)

model = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
)
model, x = model.bfloat16(), x.bfloat16()
optimizer = torch.optim.SGD(model.parameters(), lr=0.003, momentum=0.5)
for _ in range(400):
    rows = torch.randint(0, len(x), (64,))
    loss = nn.functional.cross_entropy(model(x[rows]).float(), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
