"""Top-1 mixture of experts on a mixture of regimes; some regimes are very rare."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Expert(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.up = nn.Linear(d, h)
        self.down = nn.Linear(h, 1)

    def forward(self, x):
        return self.down(F.gelu(self.up(x)))


class MoE(nn.Module):
    def __init__(self, d, n_experts=6, h=24):
        super().__init__()
        self.router = nn.Linear(d, n_experts)
        nn.init.normal_(self.router.weight, std=0.01)
        self.experts = nn.ModuleList(Expert(d, h) for _ in range(n_experts))

    def forward(self, x):
        gate = (self.router(x) + 0.3 * torch.randn(len(x), len(self.experts))).softmax(-1)
        weight, choice = gate.max(-1)
        out = x.new_zeros(len(x), 1)
        for k, expert in enumerate(self.experts):
            rows = (choice == k).nonzero().squeeze(-1)
            if len(rows):
                out = out.index_add(0, rows, expert(x[rows]) * weight[rows].unsqueeze(1))
        usage = F.one_hot(choice, gate.shape[1]).float().mean(0)
        balance = gate.shape[1] * (usage * gate.mean(0)).sum()
        return out, balance, usage


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    centres = 1.5 * torch.randn(5, 6)
    slopes = torch.randn(5, 6)
    frequency = torch.tensor([0.5, 0.3, 0.15, 0.04, 0.01])
    model = MoE(6)
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    for step in range(1, 501):
        regime = torch.multinomial(frequency, 96, replacement=True)
        noise = torch.randn(96, 6)
        x = centres[regime] + noise
        y = (noise * slopes[regime]).sum(1, keepdim=True)
        pred, balance, usage = model(x)
        mse = F.mse_loss(pred, y)
        loss = mse + 0.2 * balance
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 100 == 0:
            used = [round(u, 2) for u in usage.tolist()]
            print(f"step {step} mse {mse.item():.3f} of {y.var().item():.2f} usage {used}")


if __name__ == "__main__":
    main()
