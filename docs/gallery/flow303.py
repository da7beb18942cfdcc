"""A small convolutional network under Adam with a learning rate of one half."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(1000, 1, 8, 8)
y = torch.arange(1000) % 4
for label in range(4):  # a bright row for each label
    x[y == label, :, 2 * label] += 1.5

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(),
    nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 4),
)  # fmt: skip
optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
for _ in range(200):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
