"""Segment thin bright curves in noisy images with a tiny encoder-decoder."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def draw(n, size=24, generator=None):
    """Images with one wavy line each, and its mask."""
    amp = torch.rand(n, 1, generator=generator) * 5
    freq = torch.rand(n, 1, generator=generator) * 0.5 + 0.1
    off = torch.rand(n, 1, generator=generator) * 10 + 7
    cols = torch.arange(size).float()[None]
    rows = off + amp * torch.sin(freq * cols)
    grid = torch.arange(size).float()[None, :, None]
    mask = ((grid - rows[:, None, :]).abs() < 1.0).float()
    image = mask + 0.4 * torch.randn(n, size, size, generator=generator)
    return image[:, None], mask[:, None]


class SegNet(nn.Module):
    def __init__(self, w=8):
        super().__init__()
        self.down1 = nn.Conv2d(1, w, 3, padding=1)
        self.down2 = nn.Conv2d(w, 2 * w, 3, stride=2, padding=1)
        self.mid = nn.Conv2d(2 * w, 2 * w, 3, padding=1)
        self.up = nn.Conv2d(3 * w, w, 3, padding=1)
        self.out = nn.Conv2d(w, 1, 1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.relu(self.mid(F.relu(self.down2(a))))
        b = F.interpolate(b, scale_factor=2)
        h = F.relu(self.up(torch.cat([a, b], 1)))
        return torch.sigmoid(self.out(h))


def dice(pred, mask):
    pred = (pred > 0.5).float()
    return (2 * (pred * mask).sum() / (pred.sum() + mask.sum() + 1e-6)).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    images, masks = draw(256)
    model = SegNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.BCEWithLogitsLoss()
    for step in range(200):
        pick = torch.randint(0, 256, (16,))
        pred = model(images[pick])
        loss = criterion(pred, masks[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0 or step == 199:
            print(f"step {step:3d}  loss {loss.item():.4f}  dice {dice(pred, masks[pick]):.3f}")


main()
