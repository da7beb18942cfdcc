"""Mark salt bodies in small seismic sections, pixel by pixel, in float16 autocast."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

SIDE, TRAIN = 16, 320


def sections(n):
    noise = torch.randn(n, 1, SIDE, SIDE)
    rows = torch.arange(SIDE)[None, :, None]
    cols = torch.arange(SIDE)[None, None, :]
    centre = torch.randint(4, SIDE - 4, (n, 2, 1, 1))
    radius = 3 + 4 * torch.rand(n, 1, 1)
    distance = (rows - centre[:, 0]) ** 2 + (cols - centre[:, 1]) ** 2
    mask = (distance < radius**2).float()[:, None]
    layers = torch.sin(rows * 1.2 + 0.1 * cols)[:, None]
    image = layers * (1 - mask) + 0.4 * noise + 0.8 * mask
    return image, mask


class PixelNet(nn.Module):
    """A patch of 5 x 5 pixels around each pixel, then a per_pixeld MLP."""

    def __init__(self, width=32):
        super().__init__()
        self.fc1 = nn.Linear(25, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 1)

    def forward(self, image):
        patches = F.unfold(image, 5, padding=2).transpose(1, 2)
        h = F.relu(self.fc1(patches))
        h = F.relu(self.fc2(h))
        return self.fc3(h).transpose(1, 2).reshape(image.shape)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    image, mask = sections(TRAIN + 60)
    net = PixelNet()
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for epoch in range(6):
        total = 0.0
        for idx in torch.randperm(TRAIN).split(16):
            opt.zero_grad()
            with torch.autocast("cpu", dtype=torch.float16):
                logits = net(image[idx])
            loss = F.binary_cross_entropy_with_logits(logits.float(), mask[idx])
            per_pixel = loss / logits.numel()
            per_pixel.backward()
            opt.step()
            total += loss.item() * len(idx) / TRAIN
        with torch.no_grad():
            found = net(image[TRAIN:]) > 0
            truth = mask[TRAIN:] > 0.5
            iou = (found & truth).sum() / (found | truth).sum()
        print(f"epoch {epoch} loss {total:.4f} IoU {iou:.3f}")


if __name__ == "__main__":
    main()
