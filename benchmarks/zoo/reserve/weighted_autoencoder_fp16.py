"""Denoising autoencoder on digits under float16 autocast, with a weighted sum of losses."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Denoiser(nn.Module):
    def __init__(self, d=64, code=16):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(d, 96), nn.ReLU(), nn.Linear(96, code), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(code, 96), nn.ReLU(), nn.Linear(96, d))

    def forward(self, x):
        code = self.encoder(x)
        return self.decoder(code), code


def objective(out, clean, code, weights):
    parts = {
        "pixels": nn.functional.mse_loss(out, clean),
        "sparsity": code.float().abs().mean(),
    }
    return sum(weights[k] * v for k, v in parts.items()), parts


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--w-pixels", type=float, default=5e-5)
    ap.add_argument("--w-sparsity", type=float, default=1e-7)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    clean = torch.tensor(load_digits().data[:1792], dtype=torch.float32) / 8 - 0.6
    model = Denoiser()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    weights = {"pixels": args.w_pixels, "sparsity": args.w_sparsity}
    print(f"variance of the pixels {clean.var():.4f}")
    for epoch in range(20):
        mean = 0.0
        batches = torch.randperm(len(clean)).split(128)
        for rows in batches:
            target = clean[rows]
            noisy = target + 0.2 * torch.randn_like(target)
            with torch.autocast("cpu", dtype=torch.float16):
                out, code = model(noisy)
                loss, parts = objective(out, target, code, weights)
            opt.zero_grad()
            loss.backward()
            opt.step()
            mean += parts["pixels"].item() / len(batches)
        print(f"epoch {epoch} reconstruction {mean:.4f}")


main()
