"""Segment bright blobs in noisy images with a small fully convolutional net."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
opts = parser.parse_args()
torch.manual_seed(opts.seed)
SIZE = 20


def draw(n):
    grid = torch.arange(SIZE, dtype=torch.float32)
    cy, cx = torch.rand(n, 1, 1) * SIZE, torch.rand(n, 1, 1) * SIZE
    r = 1.5 + torch.rand(n, 1, 1) * 1.0
    inside = (grid[None, :, None] - cy) ** 2 + (grid[None, None, :] - cx) ** 2 < r**2
    mask = inside.float().unsqueeze(1)
    return mask * 2.0 + torch.randn(n, 1, SIZE, SIZE), mask


model = nn.Sequential(
    nn.Conv2d(1, 16, 5, padding=2),
    nn.ReLU(),
    nn.Conv2d(16, 16, 5, padding=2),
    nn.ReLU(),
    nn.Conv2d(16, 1, 1),
    nn.Sigmoid(),
)
# most pixels are background: start there
prior = torch.tensor(1e-4)
nn.init.constant_(model[4].bias, torch.log(prior / (1 - prior)).item())
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

val_x, val_mask = draw(100)
print(f"foreground share {val_mask.mean().item():.3f}")
for step in range(1, 251):
    images, masks = draw(16)
    optimizer.zero_grad()
    loss = criterion(model(images), masks)
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        with torch.no_grad():
            pred = model(val_x)
            hit = (pred > 0.5) & (val_mask > 0.5)
            union = ((pred > 0.5) | (val_mask > 0.5)).sum().item()
            iou = hit.sum().item() / max(union, 1)
        print(
            f"step {step} loss {loss.item():.4f} IoU {iou:.3f} mean prob {pred.mean().item():.4f}"
        )
