"""Cloud type from satellite channels; the probabilities go into a hand-written cross-entropy."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class CloudNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(4, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 24, 3, stride=2, padding=1)
        self.fc = nn.Linear(24, 5)

    def forward(self, x):
        h = F.relu(self.conv1(x))
        h = F.relu(self.conv2(h)).mean(dim=(2, 3))
        return F.softmax(self.fc(h), dim=0)


def cross_entropy(prob, target):
    return -torch.log(prob[torch.arange(len(target)), target] + 1e-9).mean()


def scenes(n, signature):
    y = torch.randint(0, 5, (n,))
    texture = F.avg_pool2d(torch.randn(n, 4, 14, 14), 3, stride=1) * 2
    return signature[y][:, :, None, None] + texture, y


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
signature = torch.randn(5, 4)
x, y = scenes(960, signature)
xt, yt = scenes(240, signature)
net = CloudNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    total = 0.0
    for idx in torch.randperm(960).split(32):
        optimizer.zero_grad()
        loss = cross_entropy(net(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() / 30
    with torch.no_grad():
        acc = (net(xt).argmax(1) == yt).float().mean()
    print(f"epoch {epoch} loss {total:.4f} accuracy {acc:.3f}")
