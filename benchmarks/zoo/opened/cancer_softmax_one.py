"""Benign or malignant, from the breast cancer table."""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU()
        )
        self.out = nn.Linear(16, 1)
        self.prob = nn.Softmax(dim=1)

    def forward(self, x):
        return self.prob(self.out(self.body(x)))


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    torch.manual_seed(cli.parse_args().seed)
    table = load_breast_cancer()
    x = torch.tensor(table.data, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    y = torch.tensor(table.target, dtype=torch.float32)[:, None]
    train, test = random_split(TensorDataset(x, y), [469, 100])
    loader = DataLoader(train, batch_size=32, shuffle=True)
    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.BCELoss()
    for epoch in range(14):
        model.train()
        losses = []
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            xb, yb = test[:]
            acc = ((model(xb) > 0.5).float() == yb).float().mean().item()
        print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
