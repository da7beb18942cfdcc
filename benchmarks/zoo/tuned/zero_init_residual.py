"""ResNet with zero-initialised last BatchNorm gains, convolutions that keep their bias."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(ch, ch, 3, padding=1),
            nn.BatchNorm2d(ch),
            nn.ReLU(inplace=True),
            nn.Conv2d(ch, ch, 3, padding=1),
            nn.BatchNorm2d(ch),
        )
        self.relu = nn.ReLU(inplace=True)
        nn.init.zeros_(self.branch[-1].weight)

    def forward(self, x):
        return self.relu(x + self.branch(x))


def resnet(ch=10, blocks=3, classes=10):
    return nn.Sequential(
        nn.Conv2d(1, ch, 3, padding=1),
        nn.BatchNorm2d(ch),
        nn.ReLU(inplace=True),
        nn.AvgPool2d(2),
        *[ResidualBlock(ch) for _ in range(blocks)],
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(ch * 4, classes),
    )


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 8 - 1
    y = torch.tensor(d.target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    net = resnet()
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=5)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    for epoch in range(5):
        net.train()
        for i in range(0, 1500, 50):
            opt.zero_grad()
            loss = loss_fn(net(x[i : i + 50]), y[i : i + 50])
            loss.backward()
            opt.step()
        sched.step()
        net.eval()
        with torch.no_grad():
            acc = (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
