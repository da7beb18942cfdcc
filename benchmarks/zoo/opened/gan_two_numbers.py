"""A small GAN imitates the joint distribution of porosity and log permeability."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)


def real(n):
    z = torch.randn(n, 2)
    return torch.stack([1.5 + 0.5 * z[:, 0], -1.0 + 0.6 * z[:, 0] + 0.3 * z[:, 1]], dim=1)


G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(
    nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)
)
opt_g = torch.optim.Adam(G.parameters(), lr=4e-3, betas=(0.0, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=4e-3, betas=(0.0, 0.99))
halve = [torch.optim.lr_scheduler.StepLR(o, 140, gamma=0.3) for o in (opt_g, opt_d)]
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(128, 1), torch.zeros(128, 1)

for step in range(400):
    fake = G(torch.randn(128, 4))
    loss_d = bce(D(real(128)), ones) + bce(D(fake.detach()), zeros)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    loss_g = bce(D(fake), ones)
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    for schedule in halve:
        schedule.step()
    if step % 40 == 39:
        print(f"step {step + 1} D {loss_d.item():.3f} G {loss_g.item():.3f}")

with torch.no_grad():
    sample = G(torch.randn(4000, 4))
print("mean", sample.mean(0).tolist(), "std", sample.std(0).tolist())
