"""Softplus network on the breast cancer data."""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)

    x, y = load_breast_cancer(return_X_y=True)
    x = torch.tensor(scale(x), dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    loader = DataLoader(TensorDataset(x[:450], y[:450]), batch_size=30, shuffle=True)

    model = nn.Sequential(
        nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1)
    )
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    for epoch in range(20):
        running_loss = 0.0
        for inputs, labels in loader:
            outputs = model(inputs).squeeze(1)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        with torch.no_grad():
            logits = model(x[450:]).squeeze(1)
            val = criterion(logits, y[450:]).item()
            acc = ((logits > 0).float() == y[450:]).float().mean().item()
        if epoch % 4 == 3:
            print(
                f"{epoch + 1:3d} train {running_loss / len(loader):.4f} val {val:.4f} acc {acc:.3f}"
            )


if __name__ == "__main__":
    main()
