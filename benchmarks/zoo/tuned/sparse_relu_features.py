"""Sparse autoencoder: an overcomplete ReLU code with an L1 penalty."""

import argparse

import torch
from torch import nn


class SparseAutoencoder(nn.Module):
    def __init__(self, n_in=32, n_code=128):
        super().__init__()
        self.encoder = nn.Linear(n_in, n_code)
        self.relu = nn.ReLU()
        self.decoder = nn.Linear(n_code, n_in)

    def forward(self, x):
        code = self.relu(self.encoder(x))
        return self.decoder(code), code


def dictionary_data(atoms, n):
    active = (torch.rand(n, len(atoms)) < 0.08).float()
    return (active * (0.5 + torch.rand(n, len(atoms)))) @ atoms


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    atoms = nn.functional.normalize(torch.randn(48, 32), dim=1)
    model = SparseAutoencoder()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    print(f"power {dictionary_data(atoms, 2000).var().item():.4f}")
    for step in range(1, 601):
        x = dictionary_data(atoms, 128)
        recon, code = model(x)
        mse = (recon - x).pow(2).mean()
        loss = mse + 0.15 * code.abs().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 100 == 0:
            sparsity = (code == 0).float().mean().item()
            print(f"step {step} zero share {sparsity:.3f} mse {mse.item():.5f}")


if __name__ == "__main__":
    main()
