"""Digits, a fifth of the labels wrong, trained until they are known by heart; validated every epoch."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data, target = load_digits(return_X_y=True)
    x, y = torch.tensor(data, dtype=torch.float32) / 16, torch.tensor(target)
    wrong = torch.rand(len(y)) < 0.2
    y = torch.where(wrong, torch.randint(0, 10, (len(y),)), y)
    order = torch.randperm(len(y))
    train, held = order[:600], order[600:1300]
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    criterion = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(60):
        for rows in train[torch.randperm(len(train))].split(50):
            loss = criterion(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            total = sum(criterion(model(x[b]), y[b]).item() * len(b) for b in held.split(100))
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1} loss {loss.item():.4f} validation {total / len(held):.4f}")


if __name__ == "__main__":
    main()
