"""A model that carries the user's hooks is pickled with them, and with the numbers they go by."""

# Optimizer steps: 4

import torch
from digest import checksum, pickled, seed, tell
from torch import nn


def double(module, inputs, out):
    return out * 2


seed()
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
model[0].register_forward_hook(double)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
losses = []

for _ in range(4):
    handle = model[2].register_forward_hook(double)
    optimizer.zero_grad()
    loss = model(torch.randn(16, 6)).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    print("pickle", checksum(pickled(model)))
    handle.remove()

tell(losses, model, optimizer)
