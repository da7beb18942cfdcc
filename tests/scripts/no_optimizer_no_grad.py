"""Gradient descent by hand, under no_grad, on tensors that belong to no module."""

# Optimizer steps: 20

import torch
from digest import seed, tell

seed()
inputs = torch.randn(32, 2)
target = (inputs.prod(dim=1, keepdim=True) > 0).float()
w1 = (torch.randn(2, 8)).requires_grad_()
b1 = torch.zeros(8, requires_grad=True)
w2 = (torch.randn(8, 1) / 3).requires_grad_()
losses = []

for _ in range(20):
    out = torch.sigmoid(torch.tanh(inputs @ w1 + b1) @ w2)
    loss = torch.nn.functional.binary_cross_entropy(out, target)
    loss.backward()
    with torch.no_grad():
        for p in (w1, b1, w2):
            p -= 0.5 * p.grad  # noqa: PLW2901  (in place)
            p.grad = None
    losses.append(loss.item())

tell(losses, [w1, b1, w2])
