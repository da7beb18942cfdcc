"""A two-level U-Net that separates the ring from its background."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def rings(n, size=16):
    axis = torch.arange(size).float()
    cy, cx = (torch.rand(2, n, 1, 1) * 6 + 5).unbind(0)
    dist = ((axis[None, :, None] - cy) ** 2 + (axis[None, None, :] - cx) ** 2).sqrt()
    mask = ((dist > 2) & (dist < 4)).float().unsqueeze(1)
    return mask + 0.5 * torch.randn(n, 1, size, size), mask


class UNet(nn.Module):
    def __init__(self, ch=8):
        super().__init__()
        self.down1 = nn.Conv2d(1, ch, 3, padding=1)
        self.down2 = nn.Conv2d(ch, 2 * ch, 3, padding=1)
        self.up1 = nn.Conv2d(3 * ch, ch, 3, padding=1)
        self.out = nn.Conv2d(ch, 1, 1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.relu(self.down2(F.max_pool2d(a, 2)))
        b = F.interpolate(b, scale_factor=2)
        h = F.relu(self.up1(torch.cat([a, b], dim=1)))
        return self.out(h)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)
        self.loss_fn = nn.BCEWithLogitsLoss()

    def training_step(self, images, masks):
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.model(images), masks)
        loss.backward()
        return loss.item()

    def fit(self, steps):
        recent = []
        for step in range(1, steps + 1):
            recent.append(self.training_step(*rings(16)))
            if step % 50 == 0:
                print(f"step {step}: loss {sum(recent[-50:]) / 50:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    Trainer(UNet(), lr=5e-3).fit(250)
