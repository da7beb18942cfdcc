"""Ore grade from assays with a residual network whose blocks are kept in a list."""

import argparse

import torch
from torch import nn
from torch.nn.functional import relu


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.up = nn.Linear(dim, dim)
        self.down = nn.Linear(dim, dim)

    def forward(self, x):
        return x + self.down(relu(self.up(x)))


class GradeNet(nn.Module):
    def __init__(self, n_in, dim=6, depth=4):
        super().__init__()
        self.stem = nn.Linear(n_in, dim)
        self.blocks = [Block(dim) for _ in range(depth)]
        self.head = nn.Linear(dim, 1)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)[:, 0]


def assays(n):
    x = torch.randn(n, 6)
    grade = torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + x[:, 3].abs()
    grade = grade + 0.05 * torch.randn(n)
    return x, (grade - grade.mean()) / grade.std()


def main(seed):
    torch.manual_seed(seed)
    x, grade = assays(2000)
    net = GradeNet(6)
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.01)
    for epoch in range(16):
        total = 0.0
        for idx in torch.randperm(1600).split(64):
            loss = ((net(x[idx]) - grade[idx]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 25
        with torch.no_grad():
            val = ((net(x[1600:]) - grade[1600:]) ** 2).mean().item()
        if epoch % 3 == 0:
            print(f"epoch {epoch}: train {total:.4f}, validation {val:.4f}")


if __name__ == "__main__":
    argp = argparse.ArgumentParser()
    argp.add_argument("--seed", type=int, default=0)
    main(argp.parse_args().seed)
