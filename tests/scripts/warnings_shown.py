"""Warnings name the line that caused them; each of these does so through a call that we see."""

# Optimizer steps: 3

import warnings

import torch
from digest import seed, tell
from torch import nn

warnings.simplefilter("always")
seed()
model = nn.Sequential(nn.Linear(4, 8), nn.Softmax(dim=1), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)
scheduler.step()  # before the first optimizer.step()
losses = []

for _ in range(3):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(torch.randn(8, 4)), torch.zeros(8))  # shapes differ
    loss.backward(create_graph=True)  # a reference cycle
    nn.utils.clip_grad_norm_([], 1.0)
    optimizer.step()
    losses.append(loss.item())
    print(model(torch.randn(8, 4)).sum().grad)  # not a leaf

tell(losses, model, optimizer)
