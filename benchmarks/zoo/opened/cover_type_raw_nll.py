"""Land cover from terrain attributes, five classes."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn, optim


class CoverNet(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.bn = nn.BatchNorm1d(n_features)
        self.fc1 = nn.Linear(n_features, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, n_classes)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        x = F.elu(self.fc1(self.bn(x)))
        x = self.drop(F.elu(self.fc2(x)))
        return self.fc3(x)


def terrain(n):
    elevation = 400 + 2200 * torch.rand(n)
    slope = 40 * torch.rand(n)
    aspect = 360 * torch.rand(n)
    distance = torch.exp(4 + torch.randn(n))
    north = torch.cos(aspect * torch.pi / 180)
    score = torch.stack(
        [
            2 - (elevation / 900) + 0.2 * torch.randn(n),
            1.5 - ((elevation - 1200) / 500) ** 2,
            (slope - 15) / 10 + north,
            elevation / 800 - 2 - 0.5 * north,
            1.2 - torch.log(distance) / 4,
        ],
        dim=1,
    )
    return torch.stack([elevation, slope, north, distance.log()], 1), score.argmax(1)


def main(seed):
    torch.manual_seed(seed)
    x, y = terrain(2500)
    model = CoverNet(4, 5)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.NLLLoss()
    for epoch in range(12):
        model.train()
        total = 0.0
        for batch in torch.randperm(2000).split(50):
            optimizer.zero_grad()
            loss = criterion(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() / 40
        model.eval()
        with torch.no_grad():
            acc = (model(x[2000:]).argmax(1) == y[2000:]).float().mean().item()
        print(f"epoch {epoch} loss {total:.3f} accuracy {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
