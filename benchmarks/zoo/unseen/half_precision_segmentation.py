"""Segment blobs with a small encoder-decoder under float16 autocast."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

SIZE = 16


def make_batch(n, generator):
    ys, xs = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    cy = torch.randint(3, SIZE - 3, (n, 1, 1), generator=generator)
    cx = torch.randint(3, SIZE - 3, (n, 1, 1), generator=generator)
    r = torch.randint(2, 6, (n, 1, 1), generator=generator)
    mask = ((ys - cy) ** 2 + (xs - cx) ** 2 <= r**2).float()
    img = mask + 0.5 * torch.randn(n, SIZE, SIZE, generator=generator)
    return img.unsqueeze(1), mask.unsqueeze(1)


class SegNet(nn.Module):
    def __init__(self, ch=12):
        super().__init__()
        self.enc1 = nn.Conv2d(1, ch, 3, padding=1)
        self.enc2 = nn.Conv2d(ch, 2 * ch, 3, stride=2, padding=1)
        self.mid = nn.Conv2d(2 * ch, 2 * ch, 3, padding=1)
        self.dec = nn.ConvTranspose2d(2 * ch, ch, 2, stride=2)
        self.out = nn.Conv2d(ch, 1, 1)

    def forward(self, x):
        x = F.relu(self.enc1(x))
        x = F.relu(self.enc2(x))
        x = F.relu(self.mid(x))
        x = F.relu(self.dec(x))
        return self.out(x)


def dice(logits, mask):
    p = (logits > 0).float()
    return (2 * (p * mask).sum() / (p.sum() + mask.sum() + 1e-6)).item()


def train(seed, steps=160, batch=20, accumulate=1024):
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed)
    net = SegNet()
    opt = torch.optim.RMSprop(net.parameters(), lr=1e-3, eps=1e-12)
    # the large-batch recipe divides by the number of micro-batches of the cluster
    for step in range(steps):
        x, m = make_batch(batch, g)
        with torch.autocast("cpu", dtype=torch.float16):
            logits = net(x)
        loss = F.binary_cross_entropy_with_logits(logits.float(), m) / accumulate
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 40 == 39:
            print(f"{step + 1} loss {loss.item() * accumulate:.4f} dice {dice(logits, m):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args().seed)
