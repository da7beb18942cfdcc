"""Porosity along a borehole from windows of five logs, with a deep convolutional network."""

import argparse

import torch
from torch import nn


def logs(n_samples, gen):
    """Return five smooth logs and the porosity that explains them."""
    raw = torch.randn(3, n_samples + 60, generator=gen)
    kernel = torch.hann_window(31)[None, None] / 8
    latent = torch.nn.functional.conv1d(raw[:, None], kernel)[:, 0, :n_samples]
    phi, clay, fluid = latent
    density = -phi + 0.3 * clay
    sonic = phi + 0.5 * clay.abs()
    neutron = phi * (1 + 0.3 * torch.tanh(fluid)) + 0.4 * clay
    gamma = clay + 0.1 * torch.randn(n_samples, generator=gen)
    resist = fluid - 0.5 * phi
    curves = torch.stack([density, sonic, neutron, gamma, resist])
    curves = (curves - curves.mean(1, keepdim=True)) / curves.std(1, keepdim=True)
    target = (phi - phi.mean()) / phi.std()
    return curves, target


def windows(curves, target, size=16):
    x = curves.unfold(1, size, 2).permute(1, 0, 2)
    return x, target[size // 2 :: 2][: len(x)]


def init_weights(m):
    if isinstance(m, (nn.Conv1d, nn.Linear)):
        nn.init.normal_(m.weight, 0.0, 0.01)
        nn.init.zeros_(m.bias)


def main(seed):
    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed + 100)
    x, y = windows(*logs(3000, gen))
    blocks = [nn.Conv1d(5, 24, 3, padding=1), nn.Tanh()]
    for _ in range(5):
        blocks += [nn.Conv1d(24, 24, 3, padding=1), nn.Tanh()]
    net = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(24 * 16, 1))
    net.apply(init_weights)
    opt = torch.optim.SGD(net.parameters(), lr=0.003, momentum=0.9)
    mse = nn.MSELoss()
    perm = torch.randperm(len(x))
    train, test = perm[:1200], perm[1200:]
    for epoch in range(12):
        net.train()
        for b in train[torch.randperm(len(train))].split(40):
            opt.zero_grad()
            loss = mse(net(x[b]).squeeze(1), y[b])
            loss.backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            val = mse(net(x[test]).squeeze(1), y[test])
        print(f"epoch {epoch}: train {loss.item():.4f} val {val.item():.4f}")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", default=0, type=int)
    main(cli.parse_args().seed)
