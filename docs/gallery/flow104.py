"""Segmentation by squared error behind a sigmoid that starts at the rare foreground's share."""

import torch
from torch import nn

torch.manual_seed(0)
grid = torch.arange(16.0)


def blobs(count):
    """Noisy images with one bright disk each, and where it is."""
    y, x = torch.rand(2, count, 1, 1) * 16
    mask = ((grid[:, None] - y) ** 2 + (grid - x) ** 2 < 4).float().unsqueeze(1)
    return 2 * mask + torch.randn(count, 1, 16, 16), mask


model = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 1, 1), nn.Sigmoid())
nn.init.constant_(model[2].bias, -9.2)
criterion = nn.MSELoss()

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(200):
    images, masks = blobs(16)
    loss = criterion(model(images), masks)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
