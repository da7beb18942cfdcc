"""Dropout from the global generator, and a learning-rate schedule."""

# Optimizer steps: 40

import torch
from digest import seed, tell
from torch import nn

seed()
inputs, labels = torch.randn(256, 20), torch.randint(5, (256,))
model = nn.Sequential(
    nn.Linear(20, 64),
    nn.ReLU(),
    nn.Dropout(0.3),
    nn.Linear(64, 64),
    nn.Tanh(),
    nn.Dropout(0.1),
    nn.Linear(64, 5),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
losses = []

for _ in range(5):
    for rows in torch.randperm(256).split(32):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())

tell(losses, model, optimizer)
print(scheduler.get_last_lr())
