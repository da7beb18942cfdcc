"""Gradients by torch.func: one for each example, averaged by hand, then an ordinary step."""

# Optimizer steps: 8

import torch
from digest import seed, tell
from torch import nn
from torch.func import functional_call, grad, jacrev, vmap

seed()
model = nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Linear(12, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []


def loss_of(weights, x, y):
    return (functional_call(model, weights, (x.unsqueeze(0),)) - y).square().mean()


for _ in range(8):
    inputs, target = torch.randn(16, 5), torch.randn(16)
    weights = {name: p.detach() for name, p in model.named_parameters()}
    each = vmap(grad(loss_of), in_dims=(None, 0, 0))(weights, inputs, target)
    optimizer.zero_grad()
    loss = (model(inputs).squeeze(1) - target).square().mean()
    loss.backward()
    for name, parameter in model.named_parameters():
        losses.append((parameter.grad - each[name].mean(dim=0)).abs().max().item())
        parameter.grad = each[name].clamp(-1, 1).mean(dim=0)
    optimizer.step()
    losses += [loss.item(), jacrev(model)(inputs[0]).sum().item()]

tell(losses, model, optimizer)
