"""Dense keypoint detector: every cell of a feature map says whether it holds a corner."""

import argparse
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Detector(nn.Module):
    def __init__(self, width=10, prior=0.01):
        super().__init__()
        self.backbone1 = nn.Conv2d(1, width, 3, padding=1)
        self.backbone2 = nn.Conv2d(width, width, 3, padding=1)
        self.tower = nn.Conv2d(width, width, 3, padding=1)
        self.cls = nn.Conv2d(width, 1, 1)
        # start from the prior probability of a hit, as in the focal loss paper
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.normal_(m.weight, std=1.0 / math.sqrt(m.weight[0].numel()))
                nn.init.constant_(m.bias, -math.log((1 - prior) / prior))

    def forward(self, x):
        x = F.relu(self.backbone1(x))
        x = F.relu(self.backbone2(x))
        x = F.relu(self.tower(x))
        return self.cls(x)


def scenes(n, size=14):
    """Plus signs among single dots; the centre of a plus is the keypoint."""
    image, target = torch.zeros(n, 1, size, size), torch.zeros(n, 1, size, size)
    for b in range(n):
        for _ in range(3):
            r, c = (torch.randint(1, size - 1, (2,))).tolist()
            image[b, 0, r - 1 : r + 2, c] = 1.0
            image[b, 0, r, c - 1 : c + 2] = 1.0
            target[b, 0, r, c] = 1.0
    dots = (torch.rand(n, 1, size, size) < 0.05).float()
    return torch.clamp(image + dots, max=1.0) + 0.1 * torch.randn(n, 1, size, size), target


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    images, targets = scenes(192)
    net = Detector()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for step in range(180):
        rows = torch.randint(0, len(images), (16,))
        logits = net(images[rows])
        loss = F.binary_cross_entropy_with_logits(logits, targets[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 20 == 0 or step == 179:
            hit = ((logits > 0) & (targets[rows] > 0)).sum() / targets[rows].sum()
            print(f"step {step} loss {loss.item():.4f} recall {hit.item():.2f}")


main()
