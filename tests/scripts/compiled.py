"""A model compiled by the default backend, which draws its dropout masks in its own way."""

# Optimizer steps: 8

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.2), nn.ReLU(), nn.Linear(32, 1))
compiled = torch.compile(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
losses = []

for _ in range(8):
    optimizer.zero_grad()
    loss = compiled(torch.randn(8, 16)).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, compiled, optimizer)
counters = torch._dynamo.utils.counters
print("graphs", counters["stats"]["unique_graphs"], "breaks", sum(counters["graph_break"].values()))
