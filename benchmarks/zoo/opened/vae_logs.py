"""A variational autoencoder for log curves; the loss is summed and written by hand."""

import argparse

import torch
from torch import nn


class VAE(nn.Module):
    def __init__(self, n=24, hidden=48, latent=4):
        super().__init__()
        self.enc = nn.Linear(n, hidden)
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.dec1 = nn.Linear(latent, hidden)
        self.dec2 = nn.Linear(hidden, n)

    def forward(self, x):
        h = torch.tanh(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.dec2(torch.tanh(self.dec1(z))), mu, logvar


def elbo(recon, x, mu, logvar):
    error = ((recon - x) ** 2).sum() / (2 * 0.2**2)
    divergence = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
    return error + divergence


def curves(n):
    t = torch.linspace(0, 1, 24)
    a, b, c = torch.randn(3, n, 1)
    return a * torch.sin(6.28 * t) + b * torch.cos(6.28 * t) + c * t + 0.2 * torch.randn(n, 24)


def main(seed):
    torch.manual_seed(seed)
    data = curves(1600)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(12):
        total = 0.0
        for idx in torch.randperm(1600).split(50):
            x = data[idx]
            recon, mu, logvar = model(x)
            loss = elbo(recon, x, mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} loss per curve {total / 1600:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
