"""Logistic regression on overlapping classes: as sure as it is right, and never right everywhere."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x = torch.randn(3000, 12)
    truth = torch.randn(12) / 2
    y = (torch.rand(3000) < torch.sigmoid(x @ truth)).float()
    model = nn.Linear(12, 1)
    opt = torch.optim.SGD(model.parameters(), lr=0.2)
    for step in range(1, 501):
        rows = torch.randint(0, 2000, (128,))
        loss = F.binary_cross_entropy_with_logits(model(x[rows])[:, 0], y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            with torch.no_grad():
                seen = F.binary_cross_entropy_with_logits(model(x[:2000])[:, 0], y[:2000])
                val = F.binary_cross_entropy_with_logits(model(x[2000:])[:, 0], y[2000:])
            print(f"step {step} training {seen.item():.4f} validation {val.item():.4f}")


if __name__ == "__main__":
    main()
