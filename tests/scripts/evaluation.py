"""Looks at the model between steps: under no_grad, in inference mode, and in eval with a graph."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(
    nn.Linear(6, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(), nn.Linear(24, 3)
)
optimizer = torch.optim.RAdam(model.parameters(), lr=1e-2)
held_out, losses, seen = torch.randn(10, 6), [], []

for _ in range(12):
    model.train()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(16, 6)), torch.randint(3, (16,)))
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

    with torch.no_grad():  # still in training mode: batch norm learns, dropout draws
        seen.append(model(held_out).sum().item())
    model.eval()
    with torch.inference_mode():
        seen.append(model(held_out).sum().item())
    probe = held_out.clone().requires_grad_()
    model(probe).sum().backward()  # a saliency map, between zero_grad and the next step
    seen.append(probe.grad.abs().sum().item())
    seen.append(model(held_out).sum().item())  # a graph that nobody walks

tell(losses + seen, model, optimizer)
