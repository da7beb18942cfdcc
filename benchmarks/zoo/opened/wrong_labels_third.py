"""Digits where 30 % of the training labels are replaced by random ones."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn, optim


def noisy_digits(gen, share=0.3):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.3
    y = torch.tensor(d.target)
    order = torch.randperm(len(x), generator=gen)
    x, y = x[order], y[order]
    given = y.clone()
    wrong = torch.rand(len(y), generator=gen) < share
    given[wrong] = torch.randint(0, 10, (int(wrong.sum()),), generator=gen)
    return x, given, y


def build():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    x, given, truth = noisy_digits(torch.Generator().manual_seed(seed))
    net = build()
    optimizer = optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(10):
        net.train()
        total = 0.0
        for idx in torch.randperm(1500).split(50):
            optimizer.zero_grad()
            loss = criterion(net(x[idx]), given[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() / 30
        net.eval()
        with torch.no_grad():
            clean = (net(x[1500:]).argmax(1) == truth[1500:]).float().mean().item()
        print(f"epoch {epoch} loss {total:.4f} accuracy on true labels {clean:.3f}")
