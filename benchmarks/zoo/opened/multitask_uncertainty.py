"""Porosity [10 %] (regression) and lithology (classes) together; the task weights are learned from zero."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(6, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.porosity = nn.Linear(48, 1)
        self.lithology = nn.Linear(48, 3)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.shared(x)
        return self.porosity(h)[:, 0], self.lithology(h)

    def loss(self, x, phi, lith):
        p, logits = self(x)
        reg, cls = F.mse_loss(p, phi), F.cross_entropy(logits, lith)
        a, b = self.log_var
        return 0.5 * torch.exp(-a) * reg + 0.5 * a + torch.exp(-b) * cls + 0.5 * b, reg, cls


def core_samples(n):
    x = torch.randn(n, 6)
    phi = 1.5 + 0.5 * torch.tanh(x[:, 0] + x[:, 1] * x[:, 2])
    lith = torch.stack([x[:, 3], x[:, 4], 0.5 * x[:, 5] ** 2], 1).argmax(1)
    return x, phi, lith


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, phi, lith = core_samples(1600)
    model = TwoTasks()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    for epoch in range(16):
        sums = torch.zeros(3)
        for idx in torch.randperm(1600).split(50):
            loss, reg, cls = model.loss(x[idx], phi[idx], lith[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sums += torch.stack([loss, reg, cls]).detach() / 32
        print(f"epoch {epoch} total {sums[0]:.4f} porosity {sums[1]:.6f} lithology {sums[2]:.4f}")


if __name__ == "__main__":
    main()
