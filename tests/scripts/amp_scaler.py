"""Mixed precision: autocast, a loss scaler, clipping, and one batch that overflows."""

# Optimizer steps: 16
# Skipped steps: 1

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=5)
losses, scales = [], []

for step in range(16):
    inputs, target = torch.randn(32, 8), torch.randn(32, 1)
    if step == 7:
        inputs *= 1e25
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.mse_loss(model(inputs), target)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    scaler.step(optimizer)
    scaler.update()
    losses += [loss.item(), norm.item()]
    scales.append(scaler.get_scale())

print(scales, scaler.state_dict(), sorted(vars(scaler)))
tell(losses, model, optimizer)
