"""Two possible depths for one travel time: a mixture density network. Its loss goes below zero: a density."""

import argparse
import math

import torch
from torch import nn


class MDN(nn.Module):
    def __init__(self, width=40, k=4):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()
        )
        self.weight, self.mean, self.log_sd = (nn.Linear(width, k) for _ in range(3))

    def forward(self, t):
        h = self.trunk(t)
        return self.weight(h).log_softmax(1), self.mean(h), self.log_sd(h).clamp(-5, 3)


def nll(log_w, mean, log_sd, z):
    inside = -0.5 * ((z - mean) / log_sd.exp()) ** 2 - log_sd - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_w + inside, 1).mean()


def travel_times(n):
    z = torch.rand(n, 1) * 2 - 1
    t = z + 0.35 * torch.sin(2 * math.pi * z) + 0.03 * torch.randn(n, 1)
    return t / 0.6, z


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    opts = parser.parse_args()
    torch.manual_seed(opts.seed)
    model = MDN()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    test = travel_times(2000)
    for step in range(1, opts.steps + 1):
        t, z = travel_times(128)
        loss = nll(*model(t), z)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        if step % 100 == 0:
            with torch.no_grad():
                held = nll(*model(test[0]), test[1]).item()
            print(
                f"step {step} nll {loss.item():+.3f} held out {held:+.3f} (uniform {math.log(2):+.3f})"
            )
