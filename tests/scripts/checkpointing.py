"""Activation checkpointing of both kinds, with dropout that must come out the same twice."""

# Optimizer steps: 10

import torch
from digest import seed, tell
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 16)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 16), nn.Mish(), nn.Dropout(0.2)) for _ in range(4)
        )
        self.tail = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh())
        self.calls = 0

    def forward(self, x):
        x = self.first(x)
        for i, block in enumerate(self.blocks):
            x = x + checkpoint(self.counted, block, x, use_reentrant=i % 2 == 0)
        return checkpoint_sequential(self.tail, 2, x, use_reentrant=False).mean(dim=1)

    def counted(self, block, x):
        self.calls += 1
        return block(x)


seed()
model = Deep()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
losses = []

for _ in range(10):
    optimizer.zero_grad()
    inputs = torch.randn(16, 8)
    loss = (model(inputs) - inputs[:, 0]).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

print("calls", model.calls)
tell(losses, model, optimizer)
