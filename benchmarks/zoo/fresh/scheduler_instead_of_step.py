"""Variational autoencoder of spectra. After a tidy-up only the scheduler is stepped."""

import argparse
import warnings

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

warnings.filterwarnings("ignore", message="Detected call of")


class VAE(nn.Module):
    def __init__(self, bands=40, latent=4):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(bands, 48), nn.SiLU())
        self.mu, self.logvar = nn.Linear(48, latent), nn.Linear(48, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 48), nn.SiLU(), nn.Linear(48, bands))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.dec(z), mu, logvar


def elbo(recon, x, mu, logvar):
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
    return ((recon - x) ** 2).sum(1).mean() + 0.1 * kl


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
endmembers = torch.rand(4, 40).cumsum(1) / 20
spectra = torch.rand(1500, 4).softmax(1) @ endmembers + 0.02 * torch.randn(1500, 40)
spectra = (spectra - spectra.mean(0)) / spectra.std(0)

model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = StepLR(optimizer, step_size=200, gamma=0.5)
for epoch in range(12):
    losses = []
    for x in spectra[torch.randperm(1500)].split(50):
        optimizer.zero_grad()
        recon, mu, logvar = model(x)
        loss = elbo(recon, x, mu, logvar)
        loss.backward()
        scheduler.step()
        losses.append(loss.item())
    print(f"epoch {epoch} elbo {sum(losses) / len(losses):.3f}")
