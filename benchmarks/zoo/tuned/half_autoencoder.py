"""Autoencoder for reflectance spectra under float16 autocast."""

import argparse

import torch
from torch import nn


def spectra(n, bands=128):
    """Smooth spectra, standardised."""
    grid = torch.linspace(0, 1, bands)
    centre = torch.rand(n, 3, 1)
    height = torch.rand(n, 3, 1)
    peaks = height * torch.exp(-((grid - centre) ** 2) / 0.02)
    curve = peaks.sum(1)
    return (curve - curve.mean()) / curve.std()


RECONSTRUCTION_WEIGHT = 3e-4  # next to the spectral-angle term that is to come


class AutoEncoder(nn.Module):
    def __init__(self, bands=128, code=8):
        super().__init__()
        self.norm = nn.LayerNorm(bands)
        self.encoder = nn.Sequential(
            nn.Linear(bands, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, code)
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, bands)
        )

    def forward(self, x):
        return self.decoder(self.encoder(self.norm(x)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    train = spectra(4096)
    test = spectra(512)
    model = AutoEncoder()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    print(f"variance of the spectra {test.var().item():.3e}")
    for step in range(1, 301):
        rows = torch.randint(0, len(train), (256,))
        with torch.autocast("cpu", dtype=torch.float16):
            out = model(train[rows])
            loss = RECONSTRUCTION_WEIGHT * nn.functional.mse_loss(out.float(), train[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 60 == 0:
            with torch.no_grad():
                err = nn.functional.mse_loss(model(test), test).item()
            print(f"step {step}: test error {err:.3e}")


if __name__ == "__main__":
    main()
