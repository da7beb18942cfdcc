"""The same kind of run, watched for where its held-out loss turns."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(3000, 10)
y = (x[:, 0] + x[:, 1] + torch.randn(3000) > 0).long()
train_x, train_y, held_x, held_y = x[:300], y[:300], x[300:], y[300:]

model = nn.Sequential(nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
for step in range(300):
    loss = nn.functional.cross_entropy(model(train_x), train_y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 19:
        with torch.no_grad():
            held = nn.functional.cross_entropy(model(held_x), held_y)
