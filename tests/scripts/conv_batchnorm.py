"""Convolutions, batch norm, in-place ReLU and dropout of whole channels."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn

seed()
images, labels = torch.randn(96, 3, 12, 12), torch.randint(4, (96,))
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
    nn.Conv2d(8, 16, 3, stride=2, groups=2), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
    nn.Dropout2d(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4),
).to(memory_format=torch.channels_last)  # fmt: skip
optimizer = torch.optim.SGD(
    model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
)
loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
losses = []

for _ in range(4):
    model.train()
    for rows in torch.randperm(96).split(32):
        optimizer.zero_grad(set_to_none=False)
        loss = loss_of(model(images[rows].to(memory_format=torch.channels_last)), labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

tell(losses, model, optimizer)
