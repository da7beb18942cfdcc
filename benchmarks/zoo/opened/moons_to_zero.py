"""Two well separated moons: the loss is practically zero after a few epochs and training goes on."""

import argparse

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main(seed):
    torch.manual_seed(seed)
    points, label = make_moons(1200, noise=0.05, random_state=seed)
    x = torch.tensor(points, dtype=torch.float32)
    y = torch.tensor(label, dtype=torch.float32)[:, None]
    x = (x - x.mean(0)) / x.std(0)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    model = nn.Sequential(
        nn.Linear(2, 64),
        nn.Tanh(),
        nn.Linear(64, 64),
        nn.Tanh(),
        nn.Linear(64, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(24):
        total, right = 0.0, 0
        for xb, yb in loader:
            optimizer.zero_grad()
            logits = model(xb)
            loss = criterion(logits, yb)
            loss.backward()
            optimizer.step()
            total += loss.item()
            right += ((logits > 0).float() == yb).sum().item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} loss {total / len(loader):.2e} right {right}/1200")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
