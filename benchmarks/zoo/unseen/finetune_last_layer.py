"""Pretrain on digits 0 to 4, freeze the trunk, learn digits 5 to 9 with a new last layer."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class LeNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 4, 48)
        self.fc2 = nn.Linear(48, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


def train(model, optimizer, loader, epochs, name):
    for epoch in range(epochs):
        correct, total, running = 0, 0, 0.0
        for x, y in loader:
            optimizer.zero_grad()
            out = model(x)
            loss = F.nll_loss(F.log_softmax(out, dim=1), y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
            correct += (out.argmax(1) == y).sum().item()
            total += len(y)
        if epoch % 3 == 2:
            print(f"{name} {epoch + 1}: loss {running / total:.4f} acc {correct / total:.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    digits = load_digits()
    x = torch.tensor(digits.images).float().unsqueeze(1) / 16
    y = torch.tensor(digits.target)
    low, high = y < 5, y >= 5
    old = DataLoader(TensorDataset(x[low], y[low]), batch_size=32, shuffle=True)
    new = DataLoader(TensorDataset(x[high], y[high] - 5), batch_size=32, shuffle=True)

    model = LeNet(5)
    train(model, torch.optim.Adam(model.parameters(), lr=2e-3), old, 9, "pretrain")

    for param in model.parameters():
        param.requires_grad = False
    model.fc2 = nn.Linear(48, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    train(model, optimizer, new, 12, "finetune")


if __name__ == "__main__":
    main()
