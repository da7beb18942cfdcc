"""Inside or outside of a circle, by four layers with no activation between them."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 2)
y = (x.square().sum(1) > 1.4).float()

model = nn.Sequential(nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (40,))
    loss = nn.functional.binary_cross_entropy_with_logits(model(x[rows])[:, 0], y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
