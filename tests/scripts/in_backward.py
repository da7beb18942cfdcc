"""Each parameter is stepped inside the backward pass by its own optimizer, and freed at once."""

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
optimizers = {p: torch.optim.Adam([p], lr=1e-2) for p in model.parameters()}


def step_now(parameter):
    optimizers[parameter].step()
    optimizers[parameter].zero_grad()


for parameter in model.parameters():
    parameter.register_post_accumulate_grad_hook(step_now)

losses = []
for _ in range(12):
    loss = nn.functional.cross_entropy(model(torch.randn(16, 6)), torch.randint(2, (16,)))
    loss.backward()
    losses.append(loss.item())

tell(losses, model, *optimizers.values())
