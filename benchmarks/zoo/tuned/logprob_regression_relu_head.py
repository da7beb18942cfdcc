"""Learn the log-density of a mixture from samples of its arguments (regression)."""

import argparse
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def log_density(x):
    centres = torch.tensor([[-1.0, 0.5], [1.2, -0.3], [0.0, 1.5]])
    d2 = ((x[:, None, :] - centres) ** 2).sum(-1) / 0.5
    return torch.logsumexp(-d2 / 2, dim=1) - math.log(3 * 2 * math.pi * 0.5)


class Regressor(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.mid = nn.Linear(width, width)
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        h = F.gelu(self.inp(x))
        h = F.gelu(self.mid(h))
        return F.relu(self.head(h)).squeeze(-1)


def main(seed):
    torch.manual_seed(seed)
    x_train = torch.rand(2000, 2) * 4 - 2
    y_train = log_density(x_train)
    x_val = torch.rand(500, 2) * 4 - 2
    y_val = log_density(x_val)
    print(f"variance of the target: {y_val.var().item():.3f}")

    model = Regressor()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
    for step in range(1, 501):
        rows = torch.randint(0, len(x_train), (64,))
        loss = F.mse_loss(model(x_train[rows]), y_train[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            with torch.no_grad():
                val = F.mse_loss(model(x_val), y_val).item()
            print(f"step {step}  train {loss.item():.4f}  val {val:.4f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    main(p.parse_args().seed)
