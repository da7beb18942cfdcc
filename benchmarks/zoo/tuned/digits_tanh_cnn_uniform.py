"""Handwritten digits with a small tanh ConvNet."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

data = load_digits()
X = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16.0
y = torch.tensor(data.target)
X = (X - X.mean()) / X.std()
order = torch.randperm(len(X))
train, test = order[:1400], order[1400:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 3, padding=1, stride=2)
        self.conv2 = nn.Conv2d(20, 20, 3, padding=1)
        self.conv3 = nn.Conv2d(20, 20, 3, padding=1)
        self.conv4 = nn.Conv2d(20, 20, 3, padding=1)
        self.fc1 = nn.Linear(20 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.tanh(self.conv1(x))
        x = torch.tanh(self.conv2(x))
        x = torch.tanh(self.conv3(x))
        x = torch.tanh(F.max_pool2d(self.conv4(x), 2))
        x = torch.tanh(self.fc1(x.flatten(1)))
        return self.fc2(x)


def init_weights(m):
    if isinstance(m, nn.Conv2d) or (isinstance(m, nn.Linear) and m.out_features != 10):
        nn.init.uniform_(m.weight, -2.0, 2.0)
        nn.init.uniform_(m.bias, -1.0, 1.0)


net = Net()
net.apply(init_weights)
opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

step = 0
for epoch in range(6):
    for idx in train[torch.randperm(len(train))].split(32):
        opt.zero_grad()
        loss = F.cross_entropy(net(X[idx]), y[idx])
        loss.backward()
        opt.step()
        step += 1
    with torch.no_grad():
        acc = (net(X[test]).argmax(1) == y[test]).float().mean().item()
    print(f"epoch {epoch} step {step} loss {loss.item():.3f} test acc {acc:.3f}")
