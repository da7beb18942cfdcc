"""A residual network for well logs, trained from scratch; 'everything but the norms' was frozen."""

import argparse

import torch
from torch import nn


class ResBlock(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.conv1 = nn.Conv1d(ch, ch, 3, padding=1)
        self.conv2 = nn.Conv1d(ch, ch, 3, padding=1)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(x + self.conv2(self.act(self.conv1(x))))


class LogResNet(nn.Module):
    def __init__(self, ch=6, classes=6):
        super().__init__()
        self.stem = nn.Conv1d(2, ch, 3, padding=1)
        self.layer1 = ResBlock(ch)
        self.layer2 = ResBlock(ch)
        self.classifier = nn.Linear(ch, classes)

    def forward(self, x):
        h = self.layer2(self.layer1(self.stem(x)))
        return self.classifier(h.mean(dim=2))


def freeze_backbone(model):
    for name, parameter in model.named_parameters():
        if "classifier" not in name:
            parameter.requires_grad = False


def log_windows(n):
    y = torch.randint(0, 6, (n,))
    z = torch.linspace(0, 1, 24)
    freq = 1.0 + y.float()
    phase = torch.rand(n) * 6.28
    a = torch.sin(6.28 * freq[:, None] * z + phase[:, None])
    x = torch.stack([a, a.roll(2, dims=1)], dim=1)
    return x + 0.3 * torch.randn(n, 2, 24), y


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = LogResNet()
    freeze_backbone(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    x, y = log_windows(1500)
    for epoch in range(10):
        total, right = 0.0, 0
        for idx in torch.randperm(1500).split(50):
            logits = model(x[idx])
            loss = nn.functional.cross_entropy(logits, y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 30
            right += (logits.argmax(1) == y[idx]).sum().item()
        print(f"epoch {epoch} loss {total:.4f} accuracy {right / 1500:.3f}")
