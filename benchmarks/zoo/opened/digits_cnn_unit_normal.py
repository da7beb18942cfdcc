"""A small convolutional network for the 8 x 8 digits."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)
        self.reset()

    def reset(self):
        for p in self.parameters():
            if p.dim() > 1:
                p.data.copy_(torch.randn(p.shape))
            else:
                p.data.zero_()

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
opts = parser.parse_args()
torch.manual_seed(opts.seed)

bunch = load_digits()
images = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
labels = torch.tensor(bunch.target)
perm = torch.randperm(len(images))
images, labels = images[perm], labels[perm]

net = Net()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
for epoch in range(6):
    running, seen = 0.0, 0
    for start in range(0, 1440, 36):
        xb, yb = images[start : start + 36], labels[start : start + 36]
        optimizer.zero_grad()
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
        seen += len(xb)
    with torch.no_grad():
        acc = (net(images[1440:]).argmax(1) == labels[1440:]).float().mean()
    print(f"epoch {epoch} loss {running / seen:.4f} accuracy {acc:.3f}")
