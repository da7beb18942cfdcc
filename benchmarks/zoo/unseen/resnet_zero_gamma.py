"""Residual CNN, last BatchNorm of each block starts at zero, gradients over four micro-batches."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn

ACCUMULATE = 4


def conv3x3(a, b):
    return nn.Conv2d(a, b, kernel_size=3, padding=1, bias=True)


class BasicBlock(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.conv1 = conv3x3(planes, planes)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = out + identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, planes=10, blocks=3):
        super().__init__()
        self.conv1 = conv3x3(1, planes)
        self.layer1 = nn.Sequential(*[BasicBlock(planes) for _ in range(blocks)])
        self.fc = nn.Linear(planes * 4, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        for m in self.modules():
            if isinstance(m, BasicBlock):
                nn.init.zeros_(m.bn2.weight)

    def forward(self, x):
        x = self.layer1(F.relu(self.conv1(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 2).flatten(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    digits = load_digits()
    x = torch.tensor(digits.images).float().unsqueeze(1) / 16
    y = torch.tensor(digits.target)
    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    step = 0
    for epoch in range(7):
        total, hits = 0.0, 0
        optimizer.zero_grad()
        for i, idx in enumerate(torch.randperm(len(x))[:1792].split(16)):
            out = model(x[idx])
            loss = F.cross_entropy(out, y[idx])
            (loss / ACCUMULATE).backward()
            if (i + 1) % ACCUMULATE == 0:
                optimizer.step()
                optimizer.zero_grad()
                step += 1
            total += loss.item() * len(idx)
            hits += (out.argmax(1) == y[idx]).sum().item()
        print(f"epoch {epoch} ({step} steps) loss {total / 1792:.4f} acc {hits / 1792:.3f}")


if __name__ == "__main__":
    main()
