"""LBFGS calls its closure several times in each step."""

# Optimizer steps: 6

import torch
from digest import seed, tell
from torch import nn

seed()
inputs = torch.randn(64, 3, dtype=torch.float64)
target = inputs.prod(dim=1, keepdim=True).sin()
model = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1)).double()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5, line_search_fn="strong_wolfe")
calls = []


def closure():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), target)
    loss.backward()
    calls.append(loss.item())
    return loss


losses = [optimizer.step(closure).item() for _ in range(6)]
tell(losses + calls, model, optimizer)
