"""Four experts with hard routing by a learned gate; some of them are hardly ever chosen."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Expert(nn.Module):
    def __init__(self, n_in, hidden=24):
        super().__init__()
        self.fc1 = nn.Linear(n_in, hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Mixture(nn.Module):
    def __init__(self, n_in, n_experts=4):
        super().__init__()
        self.gate = nn.Linear(n_in, n_experts)
        self.experts = nn.ModuleList(Expert(n_in) for _ in range(n_experts))

    def forward(self, x):
        weight, chosen = self.gate(x).softmax(dim=1).topk(2, dim=1)
        weight = weight / weight.sum(dim=1, keepdim=True)
        out = x.new_zeros(len(x), 1)
        for k, expert in enumerate(self.experts):
            rows, slot = (chosen == k).nonzero(as_tuple=True)
            if len(rows):
                part = expert(x[rows]) * weight[rows, slot, None]
                out = out.index_add(0, rows, part)
        return out[:, 0], chosen


def basins(n):
    x = torch.randn(n, 5)
    rare = x[:, 0] > 1.5
    y = torch.where(rare, 2 * x[:, 1] ** 2 - 2, torch.sin(2 * x[:, 2]) + x[:, 3])
    return x, y + 0.05 * torch.randn(n)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = basins(3200)
    model = Mixture(5)
    with torch.no_grad():
        model.gate.bias.copy_(torch.tensor([1.2, 1.0, 0.0, -1.0]))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(12):
        total, used = 0.0, torch.zeros(4)
        for idx in torch.randperm(3200).split(64):
            pred, chosen = model(x[idx])
            loss = F.mse_loss(pred, y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 50
            used += torch.bincount(chosen.flatten(), minlength=4)
        print(f"epoch {epoch} loss {total:.4f} use {(used / used.sum()).tolist()}")


if __name__ == "__main__":
    main()
