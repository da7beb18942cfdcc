"""Variational autoencoder on digits with KL warm-up: the loss rises while the weight does."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.enc = nn.Linear(64, 64)
        self.mu = nn.Linear(64, latent)
        self.logvar = nn.Linear(64, latent)
        self.dec1 = nn.Linear(latent, 64)
        self.dec2 = nn.Linear(64, 64)

    def forward(self, x):
        h = F.relu(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec2(F.relu(self.dec1(z))), mu, logvar


def elbo(logits, x, mu, logvar, beta):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp()) / len(x)
    return rec + beta * kl, rec, kl


def main(seed):
    torch.manual_seed(seed)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    model = VAE()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    total_steps, step = 500, 0
    while step < total_steps:
        for idx in torch.randperm(len(x)).split(64):
            beta = min(1.0, step / 300)
            logits, mu, logvar = model(x[idx])
            loss, rec, kl = elbo(logits, x[idx], mu, logvar, beta)
            opt.zero_grad()
            loss.backward()
            opt.step()
            step += 1
            if step % 100 == 0 or step == 1:
                print(f"{step} loss {loss.item():.2f} rec {rec.item():.2f} kl {kl.item():.2f}")
            if step >= total_steps:
                break


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
