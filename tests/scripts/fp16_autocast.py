"""Half precision without a loss scaler: small gradients vanish, one batch gives a NaN loss."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Conv1d(2, 8, 3), nn.ReLU6(), nn.Flatten(), nn.Linear(64, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
losses = []

for step in range(12):
    inputs, labels = torch.randn(16, 2, 10), torch.randint(3, (16,))
    with torch.autocast("cpu", dtype=torch.float16):
        logits = model(inputs * 1e-6)
        loss = nn.functional.cross_entropy(logits, labels)
        if step == 10:
            loss = loss * float("nan")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
