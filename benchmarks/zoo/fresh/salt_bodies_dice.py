"""Salt bodies in small seismic-like pictures: a two-level U-Net, Dice plus cross-entropy, IoU each epoch."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def pictures(n, size=24):
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    cx, cy = 4 + 16 * torch.rand(2, n, 1, 1)
    r = 3 + 5 * torch.rand(n, 1, 1)
    mask = (((xx - cx) / r) ** 2 + ((yy - cy) / (0.8 * r)) ** 2 < 1).float()
    dip = torch.rand(n, 1, 1) - 0.5
    layers = torch.sin(yy * 1.1 + dip * xx + 6.28 * torch.rand(n, 1, 1))
    image = layers * (1 - mask) + 0.35 * torch.randn(n, size, size)
    return image[:, None], mask[:, None]


def block(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1), nn.GroupNorm(4, cout), nn.ReLU(inplace=True)
    )


class UNet(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.down1, self.down2 = block(1, c), block(c, 2 * c)
        self.bottom = block(2 * c, 2 * c)
        self.up = block(4 * c, c)
        self.last = block(2 * c, c)
        self.head = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        h = F.interpolate(self.bottom(F.max_pool2d(b, 2)), scale_factor=2)
        h = F.interpolate(self.up(torch.cat([h, b], 1)), scale_factor=2)
        return self.head(self.last(torch.cat([h, a], 1)))


def dice_loss(logits, target, eps=1.0):
    p = torch.sigmoid(logits)
    inter = (p * target).sum((1, 2, 3))
    return (1 - (2 * inter + eps) / (p.sum((1, 2, 3)) + target.sum((1, 2, 3)) + eps)).mean()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    x, m = pictures(480)
    xv, mv = pictures(80)
    net = UNet()
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for epoch in range(9):
        net.train()
        for rows in torch.randperm(len(x)).split(16):
            logits = net(x[rows])
            loss = F.binary_cross_entropy_with_logits(logits, m[rows]) + dice_loss(logits, m[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            logits = net(xv)
            bce = F.binary_cross_entropy_with_logits(logits, mv)
            val = bce + dice_loss(logits, mv)
            hit = (logits > 0) & (mv > 0)
            iou = hit.sum() / ((logits > 0) | (mv > 0)).sum()
        print(f"epoch {epoch} train {loss.item():.3f} val {val:.3f} bce {bce:.3f} IoU {iou:.3f}")
