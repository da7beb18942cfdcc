"""Denoising autoencoder for digits with OneCycle, written from memory."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Denoiser(nn.Module):
    def __init__(self, code=16):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 48),
            nn.ELU(),
            nn.Linear(48, code),
            nn.ELU(),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 48),
            nn.ELU(),
            nn.Linear(48, 64),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def run(seed, epochs=10, batch_size=60):
    torch.manual_seed(seed)
    x = torch.tensor(load_digits().data).float() / 16
    x = x - x.mean(0)
    net = Denoiser()
    steps = epochs * (len(x) // batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps + 1)
    loss_function = nn.MSELoss()
    history = []
    for epoch in range(epochs):
        perm = torch.randperm(len(x))
        epoch_loss = 0.0
        for b in range(len(x) // batch_size):
            clean = x[perm[b * batch_size : (b + 1) * batch_size]]
            noisy = clean + 0.1 * torch.randn_like(clean)
            optimizer.zero_grad()
            loss = loss_function(net(noisy), clean)
            loss.backward()
            scheduler.step()
            epoch_loss += loss.item()
        history.append(epoch_loss / (len(x) // batch_size))
        print(f"epoch {epoch} reconstruction {history[-1]:.5f} lr {scheduler.get_last_lr()[0]:.5f}")
    return history


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    run(parser.parse_args().seed)
