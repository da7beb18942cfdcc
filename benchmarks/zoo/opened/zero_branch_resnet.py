"""A residual network whose branches end in a zero-initialised BatchNorm gain."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class Residual(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.conv1 = nn.Conv2d(ch, ch, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(ch)
        self.conv2 = nn.Conv2d(ch, ch, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(ch)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(x + self.bn2(self.conv2(h)))


class Net(nn.Module):
    def __init__(self, ch=12):
        super().__init__()
        self.stem = nn.Conv2d(1, ch, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Residual(ch), Residual(ch), Residual(ch))
        self.fc = nn.Linear(ch * 16, 10)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).flatten(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(d.target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    net = Net()
    steps = 5 * 30
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    for epoch in range(5):
        net.train()
        total = 0.0
        for idx in torch.randperm(1500).split(50):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() / 30
        net.eval()
        with torch.no_grad():
            acc = (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
        print(f"epoch {epoch} loss {total:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
