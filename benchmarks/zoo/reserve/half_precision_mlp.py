"""Digits MLP kept in half the memory."""

import argparse
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import nn

DTYPE = torch.bfloat16


class MLP(nn.Module):
    def __init__(self, sizes=(64, 96, 96, 10), p=0.0):
        super().__init__()
        self.fcs = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])
        self.drop = nn.Dropout(p)
        self.act = nn.GELU()

    def forward(self, x):
        for fc in self.fcs[:-1]:
            x = self.drop(self.act(fc(x)))
        return self.fcs[-1](x)


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--lr", type=float, default=0.04)
    p.add_argument("--epochs", type=int, default=27)
    return p.parse_args()


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16 - 0.3, dtype=torch.float32).to(DTYPE)
    y = torch.tensor(y)
    model = MLP().to(DTYPE)
    opt = torch.optim.SGD(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        loss_sum, good = 0.0, 0
        for rows in torch.randperm(len(x)).split(64):
            logits = model(x[rows]).float()
            loss = nn.functional.cross_entropy(logits, y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            loss_sum += loss.item() * len(rows)
            good += (logits.argmax(-1) == y[rows]).sum().item()
        print(f"epoch {epoch:2d} loss {loss_sum / len(x):.3f} acc {good / len(x):.3f}")


if __name__ == "__main__":
    main()
