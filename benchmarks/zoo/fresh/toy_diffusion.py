"""Denoising diffusion on a 2-D swiss roll. The loss stops near 0.4: much of the noise cannot be known."""

import argparse
import math

import torch
from sklearn.datasets import make_swiss_roll
from torch import nn


class Denoiser(nn.Module):
    def __init__(self, width=96, freqs=8):
        super().__init__()
        self.register_buffer("freqs", 2.0 ** torch.arange(freqs) * math.pi / 64)
        self.inp = nn.Linear(2, width)
        self.time = nn.Linear(2 * freqs, width)
        self.mid1, self.mid2 = nn.Linear(width, width), nn.Linear(width, width)
        self.out = nn.Linear(width, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, t):
        phase = t[:, None].float() * self.freqs
        h = self.inp(x) + self.time(torch.cat([phase.sin(), phase.cos()], 1))
        h = h + self.mid1(nn.functional.silu(h))
        h = h + self.mid2(nn.functional.silu(h))
        return self.out(nn.functional.silu(h))


@torch.no_grad()
def sample(model, n, beta, alpha_bar):
    x = torch.randn(n, 2)
    for k in reversed(range(len(beta))):
        eps = model(x, torch.full((n,), k))
        x = (x - beta[k] / (1 - alpha_bar[k]).sqrt() * eps) / (1 - beta[k]).sqrt()
        if k:
            x = x + beta[k].sqrt() * torch.randn_like(x)
    return x


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    roll, _ = make_swiss_roll(4000, noise=0.3, random_state=seed)
    data = torch.tensor(roll[:, [0, 2]] / 7.0, dtype=torch.float32)
    steps = 50
    beta = torch.linspace(1e-4, 0.15, steps)
    alpha_bar = torch.cumprod(1 - beta, 0)
    model = Denoiser()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    recent = []
    for it in range(700):
        x0 = data[torch.randint(0, 4000, (256,))]
        t = torch.randint(0, steps, (256,))
        noise = torch.randn_like(x0)
        a = alpha_bar[t][:, None]
        loss = nn.functional.mse_loss(model(a.sqrt() * x0 + (1 - a).sqrt() * noise, t), noise)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        recent.append(loss.item())
        if it % 100 == 99:
            print(it + 1, round(sum(recent[-100:]) / 100, 4))
    drawn = sample(model, 1000, beta, alpha_bar)
    near = torch.cdist(drawn, data).amin(1)
    print("median distance of samples to data", near.median().item())
    print("of pure noise", torch.cdist(torch.randn(1000, 2), data).amin(1).median().item())


if __name__ == "__main__":
    main()
