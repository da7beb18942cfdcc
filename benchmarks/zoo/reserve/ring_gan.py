"""GAN for points on a noisy ring. Non-saturating loss, two Adams."""

import argparse
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
torch.manual_seed(ap.parse_args().seed)


def ring(n):
    a = torch.rand(n) * 2 * math.pi
    r = 1 + 0.1 * torch.randn(n)
    return torch.stack([r * a.cos(), r * a.sin()], 1)


G = nn.Sequential(
    nn.Linear(4, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 2)
)
D = nn.Sequential(
    nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1)
)
opt_g = torch.optim.Adam(G.parameters(), lr=4e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=4e-3, betas=(0.5, 0.999))
ones, zeros = torch.ones(128, 1), torch.zeros(128, 1)

for it in range(400):
    real = ring(128)
    fake = G(torch.randn(128, 4))
    loss_d = F.binary_cross_entropy_with_logits(D(real), ones) + F.binary_cross_entropy_with_logits(
        D(fake.detach()), zeros
    )
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    loss_g = F.binary_cross_entropy_with_logits(D(fake), ones)
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if it % 50 == 0 or it == 399:
        with torch.no_grad():
            pts = G(torch.randn(500, 4))
            off = (pts.norm(dim=1) - 1).abs().mean().item()
            spread = pts.std(0).mean().item()
        print(f"{it} D {loss_d.item():.3f} G {loss_g.item():.3f} off {off:.3f} spread {spread:.2f}")
