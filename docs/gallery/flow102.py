"""ReLU layers whose biases start so low that no unit is ever active."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 13)
y = x[:, :3].argmax(dim=1)

model = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
nn.init.constant_(model[0].bias, -20)
nn.init.constant_(model[2].bias, -20)

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (32,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
