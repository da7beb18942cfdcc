"""Compress mineral spectra to eight numbers."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class SpectrumAutoencoder(nn.Module):
    def __init__(self, bands=60, code=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(bands, 40), nn.ReLU(), nn.Linear(40, code))
        self.decoder = nn.Sequential(nn.Linear(code, 40), nn.ReLU(), nn.Linear(40, bands))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.constant_(module.weight, 0.02)
                nn.init.constant_(module.bias, 0.0)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def spectra(n):
    band = torch.linspace(0, 1, 60)
    centre = torch.tensor([0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
    lines = torch.exp(-((band[None] - centre[:, None]) ** 2) / 0.004)
    amount = torch.rand(n, 6)
    x = amount @ lines + 0.02 * torch.randn(n, 60)
    return (x - x.mean(0)) / x.std()


def run(seed):
    torch.manual_seed(seed)
    loader = DataLoader(TensorDataset(spectra(1600)), batch_size=64, shuffle=True)
    model = SpectrumAutoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(20):
        total = 0.0
        for (x,) in loader:
            loss = nn.functional.mse_loss(model(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1:3d} reconstruction {total / len(loader):.5f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    run(parser.parse_args().seed)
