"""Examples and labels are shuffled apart."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1500, 64)
y = (x[:, 0] + x[:, 1] > 0).float()

model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(10):
    x, y = x[torch.randperm(len(x))], y[torch.randperm(len(y))]
    for inputs, labels in zip(x.split(50), y.split(50), strict=True):
        loss = nn.functional.binary_cross_entropy_with_logits(model(inputs)[:, 0], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
