"""VQ-VAE on digits: straight-through estimator, codebook and commitment losses."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class Quantizer(nn.Module):
    def __init__(self, n_codes, dim):
        super().__init__()
        self.codebook = nn.Embedding(n_codes, dim)
        nn.init.normal_(self.codebook.weight, std=0.3)

    def forward(self, z):
        flat = z.reshape(-1, z.shape[-1])
        index = torch.cdist(flat.detach(), self.codebook.weight.detach()).argmin(1)
        q = self.codebook(index).view_as(z)
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss, index


class VQVAE(nn.Module):
    def __init__(self, slots=8, dim=4, codes=32):
        super().__init__()
        self.slots, self.dim = slots, dim
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, slots * dim))
        self.vq = Quantizer(codes, dim)
        self.dec = nn.Sequential(nn.Linear(slots * dim, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        z = self.enc(x).view(-1, self.slots, self.dim)
        q, vq_loss, index = self.vq(z)
        return self.dec(q.flatten(1)), vq_loss, index


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    torch.manual_seed(p.parse_args().seed)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    x = x - x.mean(0)
    print(f"variance {x.var(0).mean().item():.4f}")
    net = VQVAE()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in range(1, 601):
        xb = x[torch.randint(0, len(x), (64,))]
        recon, vq_loss, used = net(xb)
        rec = F.mse_loss(recon, xb)
        opt.zero_grad()
        (rec + vq_loss).backward()
        opt.step()
        if step % 100 == 0:
            print(
                f"step {step} recon {rec.item():.4f} vq {vq_loss.item():.4f} codes {used.unique().numel()}"
            )
