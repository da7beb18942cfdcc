"""Texture classification: conv features, global pooling, normalised descriptor, linear classifier."""

import argparse
import math

import torch
from torch import nn


def textures(n, size=16):
    """Gratings of six orientations with random phase, contrast and noise."""
    label = torch.randint(0, 6, (n,))
    angle = label.float() * math.pi / 6
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    phase = torch.rand(n, 1, 1) * 2 * math.pi
    u = xx * angle.cos()[:, None, None] + yy * angle.sin()[:, None, None]
    image = torch.sin(1.3 * u + phase) * (0.5 + torch.rand(n, 1, 1))
    return (image + 0.3 * torch.randn(n, size, size)).unsqueeze(1), label


class TextureNet(nn.Module):
    def __init__(self, width=16, groups=16, classes=6):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 5, padding=2)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.GroupNorm(groups, width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        x = nn.functional.relu(self.conv1(x))
        x = nn.functional.relu(self.conv2(x))
        x = self.norm(self.pool(x))
        return self.fc(x.flatten(1))


def run(seed, steps=240):
    torch.manual_seed(seed)
    net = TextureNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    loss_fn = nn.CrossEntropyLoss()
    for step in range(steps):
        x, y = textures(32)
        scores = net(x)
        loss = loss_fn(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0 or step == steps - 1:
            acc = (scores.argmax(1) == y).float().mean().item()
            print(f"{step:4d} loss {loss.item():.3f} acc {acc:.2f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    run(p.parse_args().seed)
