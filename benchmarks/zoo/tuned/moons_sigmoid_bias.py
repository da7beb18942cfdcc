"""Two moons, sigmoid network in nn.Sequential, Adam."""

import argparse

import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def build_model(hidden=32):
    model = nn.Sequential(
        nn.Linear(2, hidden),
        nn.Sigmoid(),
        nn.Linear(hidden, hidden),
        nn.Sigmoid(),
        nn.Linear(hidden, 1),
    )
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    # keep the units open at the start
    model[0].bias.data.fill_(12.0)
    model[2].bias.data.fill_(12.0)
    return model


def train(model, loader, epochs):
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(1, epochs + 1):
        total, correct = 0.0, 0
        for xb, yb in loader:
            logits = model(xb).squeeze(1)
            loss = criterion(logits, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
            correct += ((logits > 0) == (yb > 0.5)).sum().item()
        n = len(loader.dataset)
        print(f"epoch {epoch:2d}: loss {total / n:.4f}, accuracy {correct / n:.3f}")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    seed = cli.parse_args().seed
    torch.manual_seed(seed)
    points, labels = make_moons(1200, noise=0.1, random_state=seed)
    points = ((points - points.mean(0)) / points.std(0)).astype(np.float32)
    dataset = TensorDataset(torch.from_numpy(points), torch.tensor(labels, dtype=torch.float32))
    train(build_model(), DataLoader(dataset, batch_size=32, shuffle=True), epochs=18)
