"""Tied weights, and a frozen layer that is thawed in the middle and joins the optimizer then."""

# Optimizer steps: 16

import torch
from digest import seed, tell
from torch import nn


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.body = nn.Sequential(nn.Linear(16, 16), nn.Hardswish())
        self.head = nn.Linear(16, 20, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, words):
        return self.head(self.body(self.embed(words)))


seed()
model = Tied()
for parameter in model.body.parameters():
    parameter.requires_grad_(False)
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
losses = []

for step in range(16):
    if step == 8:
        for parameter in model.body.parameters():
            parameter.requires_grad_()
        optimizer.add_param_group({"params": model.body.parameters(), "lr": 1e-3})
    words = torch.randint(20, (12,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(words), (words + 1) % 20)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
