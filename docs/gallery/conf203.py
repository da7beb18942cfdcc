"""Twenty rows are held out, all are right, and far more is claimed than twenty rows can carry."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(820, 4)
x[:, 0] += 2 * x[:, 0].sign()
y = (x[:, 0] > 0).long()
y[:2] = 1 - y[:2]  # two wrong labels among the training rows
train_x, train_y, held_x, held_y = x[:800], y[:800], x[800:], y[800:]

model = nn.Sequential(nn.Linear(4, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(300):
    loss = nn.functional.cross_entropy(model(train_x), train_y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 19:
        with torch.no_grad():
            held = nn.functional.cross_entropy(model(held_x), held_y)
