"""A vector-quantised autoencoder for wavelets (straight-through estimator)."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Quantizer(nn.Module):
    def __init__(self, codes=24, dim=8):
        super().__init__()
        self.book = nn.Embedding(codes, dim)
        nn.init.uniform_(self.book.weight, -0.5, 0.5)

    def forward(self, z):
        index = torch.cdist(z, self.book.weight).argmin(dim=1)
        q = self.book(index)
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss


class VQVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 8))
        self.quantizer = Quantizer()
        self.decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 32))

    def forward(self, x):
        q, vq_loss = self.quantizer(self.encoder(x))
        return self.decoder(q), vq_loss


def wavelets(n):
    t = torch.linspace(-1, 1, 32)
    freq = 1.0 + torch.randint(0, 5, (n, 1)).float()
    shift = 0.4 * torch.randint(-1, 2, (n, 1)).float()
    s = t[None] - shift
    return torch.cos(4 * freq * s) * torch.exp(-6 * s**2) * 2 + 0.1 * torch.randn(n, 32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = VQVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(500):
        x = wavelets(64)
        recon, vq = model(x)
        error = F.mse_loss(recon, x)
        loss = error + vq
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49:
            print(f"step {step + 1} error {error.item():.4f} of {x.var().item():.4f}")
