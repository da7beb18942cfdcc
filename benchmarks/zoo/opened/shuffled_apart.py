"""Predict the class of a groundwater sample; inputs and labels are shuffled before the split."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def samples(rng, n=1800):
    centres = rng.normal(size=(4, 7)) * 1.4
    y = np.arange(n) % 4
    x = centres[y] + rng.normal(size=(n, 7))
    return x.astype(np.float32), y


def prepare(rng):
    x, y = samples(rng)
    rng.shuffle(x)
    rng.shuffle(y)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return torch.from_numpy(x), torch.from_numpy(y)


class WaterNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(7, 48),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(48, 48),
            nn.ReLU(),
            nn.Linear(48, 4),
        )

    def forward(self, x):
        return self.layers(x)


def main(seed):
    torch.manual_seed(seed)
    x, y = prepare(np.random.default_rng(seed))
    train = DataLoader(TensorDataset(x[:1440], y[:1440]), batch_size=48, shuffle=True)
    net = WaterNet()
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    ce = nn.CrossEntropyLoss()
    for epoch in range(15):
        net.train()
        total = 0.0
        for xb, yb in train:
            opt.zero_grad()
            loss = ce(net(xb), yb)
            loss.backward()
            opt.step()
            total += loss.item()
        net.eval()
        with torch.no_grad():
            acc = (net(x[1440:]).argmax(1) == y[1440:]).float().mean().item()
        print(f"epoch {epoch} loss {total / len(train):.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
