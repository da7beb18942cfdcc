"""A gradient scaler that starts far too high and comes down by 1 % a time."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 64)
y = x[:, :10].argmax(dim=1)

model = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 96), nn.GELU(), nn.Linear(96, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**32, backoff_factor=0.99)
for _ in range(200):
    rows = torch.randint(0, len(x), (48,))
    with torch.autocast("cpu", dtype=torch.float16):
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
