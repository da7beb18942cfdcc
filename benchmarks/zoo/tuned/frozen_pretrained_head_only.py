"""Pretrain on digits 0-4, then fine-tune only a new head on digits 5-9."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


def backbone():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())


def fit(features, head, params, x, y, steps, lr):
    opt = torch.optim.Adam(params, lr=lr)
    for step in range(1, steps + 1):
        rows = torch.randint(0, len(x), (64,))
        loss = nn.functional.cross_entropy(head(features(x[rows])), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            print(f"  step {step}: {loss.item():.4f}")


def accuracy(features, head, x, y):
    with torch.no_grad():
        return (head(features(x)).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
    low, high = y < 5, y >= 5
    x_old, y_old, x_new, y_new = x[low], y[low], x[high], y[high] - 5

    body, old_head = backbone(), nn.Linear(64, 5)
    fit(body, old_head, [*body.parameters(), *old_head.parameters()], x_old, y_old, 150, 3e-3)

    new_head = nn.Linear(64, 5)
    fit(body, new_head, new_head.parameters(), x_new[:700], y_new[:700], 300, 1e-2)
    print(f"accuracy on the new digits: {accuracy(body, new_head, x_new[700:], y_new[700:]):.3f}")
