"""The smallest model there is: one number, a loss without axes, a batch of one."""

# Optimizer steps: 15

import torch
from digest import seed, tell
from torch import nn


class Slope(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return self.slope * x


seed()
model = Slope()
optimizer = torch.optim.Rprop(model.parameters(), lr=0.1)
losses = []

for x in torch.rand(15):  # each without axes
    optimizer.zero_grad()
    loss = (model(x) - 2 * x) ** 2
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
