"""Diabetes progression: the noise leaves about half of the variance unexplained."""

import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def load(seed):
    x, y = load_diabetes(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    y = (y - y.mean()) / y.std()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return x[order], y[order]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    x, y = load(seed)
    train_loader = DataLoader(TensorDataset(x[:340], y[:340]), batch_size=34, shuffle=True)
    model = nn.Sequential(nn.Linear(10, 16), nn.ELU(), nn.Dropout(0.2), nn.Linear(16, 1))
    optimizer = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=15, gamma=0.3)
    criterion = nn.SmoothL1Loss()
    for epoch in range(45):
        model.train()
        total = 0.0
        for xb, yb in train_loader:
            loss = criterion(model(xb).squeeze(1), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        if epoch % 9 == 8:
            model.eval()
            with torch.no_grad():
                pred = model(x[340:]).squeeze(1)
                r2 = 1 - (pred - y[340:]).pow(2).mean() / y[340:].var()
            print(
                f"epoch {epoch + 1} train {total / len(train_loader):.4f} test R2 {r2.item():.3f}"
            )


if __name__ == "__main__":
    main()
