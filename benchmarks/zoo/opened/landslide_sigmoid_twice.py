"""Landslide or not for every cell of a map: slope, wetness and rock strength as channels."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class MapNet(nn.Module):
    def __init__(self, channels=3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv3 = nn.Conv2d(16, 1, 1)

    def forward(self, x):
        x = F.leaky_relu(self.conv1(x), 0.1)
        x = F.leaky_relu(self.conv2(x), 0.1)
        return torch.sigmoid(self.conv3(x))


def maps(n, side=20):
    fields = F.avg_pool2d(torch.randn(n, 3, side + 4, side + 4), 5, stride=1) * 5
    risk = fields[:, 0] + 0.8 * fields[:, 1] - fields[:, 2].abs()
    return fields, (risk > 1.2).float()[:, None]


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)

x, y = maps(520)
net = MapNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    net.train()
    total = 0.0
    for idx in torch.randperm(480).split(16):
        optimizer.zero_grad()
        pred = net(x[idx])
        loss = criterion(pred, y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() / 30
    net.eval()
    with torch.no_grad():
        pred = net(x[480:]) > 0.5
        truth = y[480:] > 0.5
        iou = (pred & truth).sum() / (pred | truth).sum()
    print(f"epoch {epoch} loss {total:.4f} IoU {iou:.3f} positive {truth.float().mean():.3f}")
