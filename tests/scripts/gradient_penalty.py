"""A penalty on the gradient: the backward pass is itself differentiated."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn

seed()
critic = nn.Sequential(
    nn.Linear(3, 16), nn.Softplus(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)
)
optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
losses = []

for step in range(12):
    real, fake = torch.randn(16, 3) + 1, torch.randn(16, 3)
    mix = torch.rand(16, 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    out = critic(between)
    if step % 2:
        (slope,) = torch.autograd.grad(out.sum(), between, create_graph=True)
    else:
        out.sum().backward(create_graph=True, inputs=[between])
        slope, between.grad = between.grad, None
    penalty = (slope.norm(dim=1) - 1).square().mean()
    loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses += [loss.item(), penalty.item()]

tell(losses, critic, optimizer)
