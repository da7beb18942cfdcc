"""Half precision without a scaler, under a loss with a small weight: the gradient underflows."""

import torch
from torch import nn

torch.manual_seed(0)
grid = torch.linspace(0, 1, 128)
x = torch.exp(-((grid - torch.rand(2000, 3, 1)) ** 2) / 0.02).sum(1)
x = (x - x.mean()) / x.std()

model = nn.Sequential(
    nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 8), nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 128)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cpu", enabled=False)
for _ in range(300):
    rows = x[torch.randint(0, len(x), (256,))]
    with torch.autocast("cpu", dtype=torch.float16):
        loss = 3e-4 * nn.functional.mse_loss(model(rows).float(), rows)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
