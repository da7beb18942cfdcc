"""Raw columns in their own units; a BatchNorm at the entrance takes care of the scale."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def wells(n):
    depth = 500 + 3000 * torch.rand(n)
    pressure = 9810 * depth * (1 + 0.1 * torch.randn(n))
    perm = torch.exp(3 + 1.5 * torch.randn(n))
    gas = (torch.rand(n) < 0.3).float()
    score = (pressure / 9810 / depth - 1) * 12 + 0.7 * (perm.log() - 3) + 1.5 * gas - 0.6
    return torch.stack([depth, pressure, perm, gas], dim=1), (score > 0).float()[:, None]


class WellNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.BatchNorm1d(4)
        self.fc1 = nn.Linear(4, 48)
        self.bn1 = nn.BatchNorm1d(48)
        self.fc2 = nn.Linear(48, 48)
        self.bn2 = nn.BatchNorm1d(48)
        self.out = nn.Linear(48, 1)

    def forward(self, x):
        x = self.scale(x)
        x = torch.relu(self.bn1(self.fc1(x)))
        x = torch.relu(self.bn2(self.fc2(x)))
        return self.out(x)


def main(seed):
    torch.manual_seed(seed)
    x, y = wells(2400)
    loader = DataLoader(TensorDataset(x[:1920], y[:1920]), batch_size=64, shuffle=True)
    net = WellNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(8):
        net.train()
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(loader)
        net.eval()
        with torch.no_grad():
            acc = ((net(x[1920:]) > 0).float() == y[1920:]).float().mean().item()
        print(f"epoch {epoch} loss {total:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
