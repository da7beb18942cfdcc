"""Mixture of experts with top-1 routing; one kind of input is rare."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Expert(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.up = nn.Linear(dim, hidden)
        self.down = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.down(F.gelu(self.up(x)))


class MoE(nn.Module):
    def __init__(self, dim, n_experts=6, hidden=32):
        super().__init__()
        self.router = nn.Linear(dim, n_experts)
        self.experts = nn.ModuleList(Expert(dim, hidden) for _ in range(n_experts))

    def forward(self, x):
        gate = F.softmax(self.router(x), dim=-1)
        weight, choice = gate.max(dim=-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            rows = (choice == i).nonzero().squeeze(1)
            if len(rows):
                out = out.index_copy(0, rows, weight[rows, None] * expert(x[rows]))
        return x + out


class Model(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.inp = nn.Linear(6, dim)
        self.moe = MoE(dim)
        self.out = nn.Linear(dim, 1)

    def forward(self, x):
        return self.out(self.moe(torch.tanh(self.inp(x)))).squeeze(-1)


def regimes(n):
    x = torch.randn(n, 6)
    regime = torch.multinomial(torch.tensor([0.6, 0.37, 0.03]), n, replacement=True)
    x = x + 2.0 * F.one_hot(regime, 3).float().repeat(1, 2)
    y = torch.where(regime == 0, x[:, 3], torch.where(regime == 1, -x[:, 4], x[:, 5] * x[:, 3]))
    return x, y


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    torch.manual_seed(p.parse_args().seed)
    model = Model()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    xt, yt = regimes(2000)
    print(f"variance {yt.var().item():.3f}")
    for step in range(1, 401):
        x, y = regimes(64)
        loss = F.mse_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 100 == 0:
            with torch.no_grad():
                print(f"step {step}: test {F.mse_loss(model(xt), yt).item():.4f}")


if __name__ == "__main__":
    main()
