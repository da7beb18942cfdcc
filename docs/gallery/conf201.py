"""A wide network on few rows with wrong labels among them: it learns them by heart."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(3000, 10)
y = (x[:, 0] + x[:, 1] + torch.randn(3000) > 0).long()
train_x, train_y, held_x, held_y = x[:300], y[:300], x[300:], y[300:]

model = nn.Sequential(nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
for _ in range(300):
    loss = nn.functional.cross_entropy(model(train_x), train_y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    held = nn.functional.cross_entropy(model(held_x), held_y)
