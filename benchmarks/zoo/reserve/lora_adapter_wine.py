"""Pretrain on two of three cultivars' worth of noise-free data, then adapt with LoRA."""

import argparse
import math

import torch
from sklearn.datasets import load_wine
from torch import nn


class LoRALinear(nn.Module):
    def __init__(self, base, r=4, alpha=8.0):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad = False
        self.A = nn.Parameter(torch.empty(r, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.scaling = alpha / r

    def forward(self, x):
        return self.base(x) + self.scaling * (x @ self.A.T) @ self.B.T


def run(net, x, y, params, steps, lr, tag):
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    for k in range(steps):
        pick = torch.randint(0, len(x), (32,))
        logits = net(x[pick])
        loss = nn.functional.cross_entropy(logits, y[pick])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if k % 50 == 0 or k == steps - 1:
            acc = (net(x).argmax(1) == y).float().mean().item()
            print(f"{tag} {k} loss {loss.item():.3f} acc {acc:.3f}")


def main(seed):
    torch.manual_seed(seed)
    x, y = load_wine(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    y = torch.tensor(y)
    net = nn.Sequential(
        nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)
    )
    run(net, x, y, net.parameters(), 100, 3e-3, "pretrain")
    # the new winery measures other units and signs
    flip = torch.randn(13, 13) / math.sqrt(13)
    x_new = x @ flip
    for i in (0, 2, 4):
        net[i] = LoRALinear(net[i])
    adapters = [p for p in net.parameters() if p.requires_grad]
    run(net, x_new, y, adapters, 200, 1e-2, "adapt")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    main(cli.parse_args().seed)
