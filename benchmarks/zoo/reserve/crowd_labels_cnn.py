"""Digits labelled by a careless crowd: about 30 % of the labels are wrong."""

import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def conv(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU())


def build():
    return nn.Sequential(
        conv(1, 12),
        nn.MaxPool2d(2),
        conv(12, 24),
        nn.Dropout2d(0.2),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(96, 10),
    )


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    images, target = load_digits(return_X_y=True)
    xtr, xte, ytr, yte = train_test_split(images, target, test_size=0.2, random_state=seed)
    xtr = torch.tensor(xtr, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    xte = torch.tensor(xte, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    ytr, yte = torch.tensor(ytr), torch.tensor(yte)
    wrong = torch.rand(len(ytr)) < 0.33
    ytr = torch.where(wrong, torch.randint(0, 10, ytr.shape), ytr)
    net = build()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=12 * 23)
    loader = DataLoader(TensorDataset(xtr, ytr), batch_size=64, shuffle=True)
    for epoch in range(12):
        net.train()
        mean = 0.0
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(net(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            mean += loss.item() / len(loader)
        net.eval()
        with torch.no_grad():
            acc = (net(xte).argmax(1) == yte).float().mean().item()
        print(f"epoch {epoch}: train loss {mean:.3f}, clean test accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
