"""Layers in a plain list, so that no module owns them, and a bare tensor that is trained too."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn


class Unregistered(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(6, 6) for _ in range(4)]
        self.head = nn.Linear(6, 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.head(x)


seed()
model, shift = Unregistered(), torch.zeros(6, requires_grad=True)
parameters = [p for layer in model.layers for p in layer.parameters()]
optimizer = torch.optim.SGD([*parameters, *model.parameters(), shift], lr=0.1)
losses = []

for _ in range(12):
    inputs = torch.randn(16, 6)
    optimizer.zero_grad()
    loss = (model(inputs + shift) - inputs.sum(dim=1, keepdim=True)).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, *model.layers, optimizer, [shift, shift.grad])
