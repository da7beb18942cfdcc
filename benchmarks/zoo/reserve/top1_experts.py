"""Mixture of experts with top-1 routing; some regions of the input are rare."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Expert(nn.Module):
    def __init__(self, d_in, d_hidden):
        super().__init__()
        self.up = nn.Linear(d_in, d_hidden)
        self.down = nn.Linear(d_hidden, 1)

    def forward(self, x):
        return self.down(F.gelu(self.up(x)))


class MoE(nn.Module):
    def __init__(self, d_in=2, n_experts=6):
        super().__init__()
        self.router = nn.Linear(d_in, n_experts)
        self.experts = nn.ModuleList([Expert(d_in, 24) for _ in range(n_experts)])

    def forward(self, x):
        probs = self.router(x).softmax(-1)
        gate, choice = probs.max(-1)
        out = x.new_zeros(len(x), 1)
        for i, expert in enumerate(self.experts):
            rows = (choice == i).nonzero().flatten()
            if len(rows):
                out[rows] = expert(x[rows]) * gate[rows].unsqueeze(1)
        frac = F.one_hot(choice, probs.shape[1]).float().mean(0)
        balance = probs.shape[1] * (frac * probs.mean(0)).sum()
        return out.squeeze(1), balance


def sample(n):
    x = torch.randn(n, 2)
    rare = torch.rand(n) < 0.03
    x[rare] += 3.0
    y = torch.where(x[:, 0] > 0, torch.sin(2 * x[:, 1]), x[:, 0] * x[:, 1])
    return x, y


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    model = MoE()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    log = []
    for step in range(500):
        x, y = sample(64)
        pred, balance = model(x)
        mse = F.mse_loss(pred, y)
        loss = mse + 0.001 * balance
        opt.zero_grad()
        loss.backward()
        opt.step()
        log.append(mse.item())
        if (step + 1) % 50 == 0:
            print(f"{step + 1:4d} mse {sum(log[-50:]) / 50:.4f} (var {y.var():.2f})")


main()
