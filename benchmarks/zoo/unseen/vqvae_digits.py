"""VQ-VAE on digits: straight-through estimator, codebook and commitment losses."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class VectorQuantizer(nn.Module):
    def __init__(self, n_codes, dim, beta=0.25):
        super().__init__()
        self.codebook = nn.Embedding(n_codes, dim)
        self.codebook.weight.data.uniform_(-1.0 / n_codes, 1.0 / n_codes)
        self.beta = beta

    def forward(self, z):
        distance = torch.cdist(z, self.codebook.weight)
        index = distance.argmin(-1)
        e = self.codebook(index)
        loss = F.mse_loss(e, z.detach()) + self.beta * F.mse_loss(z, e.detach())
        return z + (e - z).detach(), loss, index


class VQVAE(nn.Module):
    def __init__(self, parts=8, dim=8, n_codes=32):
        super().__init__()
        self.parts, self.dim = parts, dim
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, parts * dim))
        self.vq = VectorQuantizer(n_codes, dim)
        self.decoder = nn.Sequential(
            nn.Linear(parts * dim, 96), nn.ReLU(), nn.Linear(96, 64), nn.Sigmoid()
        )

    def forward(self, x):
        z = self.encoder(x).view(-1, self.dim)
        q, vq_loss, index = self.vq(z)
        return self.decoder(q.view(len(x), -1)), vq_loss, index


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    torch.manual_seed(p.parse_args().seed)
    x = torch.tensor(load_digits().data).float() / 16
    variance = x.var(0).mean().item()
    model = VQVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(18):
        total, used = 0.0, set()
        for idx in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            recon, vq_loss, index = model(x[idx])
            recon_loss = F.mse_loss(recon, x[idx]) / variance
            (recon_loss + vq_loss).backward()
            optimizer.step()
            total += recon_loss.item() * len(idx)
            used.update(index.tolist())
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} recon/variance {total / len(x):.4f} codes used {len(used)}")


if __name__ == "__main__":
    main()
