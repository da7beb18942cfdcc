"""A GAN that learns a two-dimensional Gaussian with correlated axes."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

MEAN = torch.tensor([2.0, -1.0])
MIX = torch.tensor([[1.0, 0.0], [0.8, 0.4]])


def real(n):
    return torch.randn(n, 2) @ MIX.T + MEAN


generator = nn.Sequential(
    nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2)
)
critic = nn.Sequential(
    nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1)
)
g_opt = torch.optim.Adam(generator.parameters(), lr=1.5e-3, betas=(0.5, 0.9))
d_opt = torch.optim.Adam(critic.parameters(), lr=1.5e-3, betas=(0.5, 0.9))
bce = nn.BCEWithLogitsLoss()


def distance_of_means():
    with torch.no_grad():
        fake = generator(torch.randn(2000, 4))
        return (fake.mean(0) - MEAN).norm().item()


print(f"before: distance of the means {distance_of_means():.3f}")
for step in range(1, 401):
    fake = generator(torch.randn(64, 4))
    d_real, d_fake = critic(real(64)), critic(fake.detach())
    d_loss = bce(d_real, torch.ones_like(d_real)) + bce(d_fake, torch.zeros_like(d_fake))
    d_opt.zero_grad()
    d_loss.backward()
    d_opt.step()

    score = critic(fake)
    g_loss = bce(score, torch.ones_like(score))
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    if step % 80 == 0:
        print(
            f"step {step} D {d_loss.item():.3f} G {g_loss.item():.3f} mean {distance_of_means():.3f}"
        )
