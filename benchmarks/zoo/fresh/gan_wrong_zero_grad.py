"""GAN for porosity/permeability pairs. zero_grad is called on the discriminator twice."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)


def rock(n):
    phi = 0.18 + 0.05 * torch.randn(n)
    log_k = 12 * phi - 1 + 0.3 * torch.randn(n)
    return torch.stack([(phi - 0.18) / 0.05, (log_k - 1.16) / 0.67], 1)


class Generator(nn.Module):
    def __init__(self, z=4):
        super().__init__()
        self.hidden1 = nn.Linear(z, 32)
        self.hidden2 = nn.Linear(32, 32)
        self.out = nn.Linear(32, 2)

    def forward(self, z):
        h = torch.relu(self.hidden1(z))
        return self.out(torch.relu(self.hidden2(h)))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, 32),
            nn.LeakyReLU(0.2),
            nn.Linear(32, 32),
            nn.LeakyReLU(0.2),
            nn.Linear(32, 1),
        )

    def forward(self, x):
        return self.net(x).squeeze(1)


g, d = Generator(), Discriminator()
opt_g = torch.optim.SGD(g.parameters(), lr=0.01)
opt_d = torch.optim.SGD(d.parameters(), lr=0.05)
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(64), torch.zeros(64)
for step in range(1, 501):
    opt_d.zero_grad()
    fake = g(torch.randn(64, 4))
    loss_d = bce(d(rock(64)), one) + bce(d(fake.detach()), zero)
    loss_d.backward()
    opt_d.step()

    opt_d.zero_grad()
    loss_g = bce(d(fake), one)
    loss_g.backward()
    opt_g.step()
    if step % 50 == 0:
        with torch.no_grad():
            made = g(torch.randn(1000, 4))
        norm = sum(p.grad.norm() ** 2 for p in g.parameters()) ** 0.5
        print(
            f"{step} D {loss_d.item():.3f} G {loss_g.item():.3f} |grad G| {norm:.2f} "
            f"mean {made.mean(0).tolist()} std {made.std(0).tolist()}"
        )
