"""WGAN-GP on eight blobs on a ring. Both losses wander, the distance to the data is what falls."""

import argparse

import torch
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
torch.manual_seed(p.parse_args().seed)


def real(n):
    angle = torch.randint(0, 8, (n,)) * (torch.pi / 4)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


def net(cin, cout, width=64):
    return nn.Sequential(
        nn.Linear(cin, width), nn.LeakyReLU(0.2),
        nn.Linear(width, width), nn.LeakyReLU(0.2),
        nn.Linear(width, cout),
    )  # fmt: skip


def penalty(critic, a, b):
    mix = torch.rand(len(a), 1)
    x = (mix * a + (1 - mix) * b).requires_grad_()
    (grad,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((grad.norm(dim=1) - 1) ** 2).mean()


@torch.no_grad()
def energy_distance(a, b):
    return (
        2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()
    ).item()


generator, critic = net(4, 2), net(2, 1)
opt_g = torch.optim.Adam(generator.parameters(), lr=7e-4, betas=(0.0, 0.9))
opt_c = torch.optim.Adam(critic.parameters(), lr=7e-4, betas=(0.0, 0.9))
print("before", energy_distance(generator(torch.randn(1000, 4)), real(1000)))
for step in range(1, 301):
    for _ in range(3):
        x, fake = real(128), generator(torch.randn(128, 4)).detach()
        loss_c = critic(fake).mean() - critic(x).mean() + 2.0 * penalty(critic, x, fake)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
    loss_g = -critic(generator(torch.randn(128, 4))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if step % 50 == 0:
        far = energy_distance(generator(torch.randn(1000, 4)), real(1000))
        print(f"{step} critic {loss_c.item():.3f} generator {loss_g.item():.3f} distance {far:.4f}")
