"""Three spiral arms with a four-layer network: it draws straight borders and stays near 50 %."""

import argparse
import math

import torch
from torch import nn, optim


def spirals(n_per_class, classes=3, noise=0.15):
    xs, ys = [], []
    for c in range(classes):
        r = torch.linspace(0.05, 1, n_per_class)
        theta = torch.linspace(
            c * 2 * math.pi / classes, c * 2 * math.pi / classes + 4, n_per_class
        )
        theta = theta + noise * torch.randn(n_per_class)
        xs.append(torch.stack([r * theta.sin(), r * theta.cos()], dim=1))
        ys.append(torch.full((n_per_class,), c))
    return torch.cat(xs), torch.cat(ys)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 32)
        self.fc4 = nn.Linear(32, 3)
        self.dropout = nn.Dropout(0.05)

    def forward(self, x):
        x = self.fc1(x)
        x = self.fc2(x)
        x = self.dropout(x)
        x = self.fc3(x)
        x = self.fc4(x)
        return x  # noqa: RET504


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

X, Y = spirals(400)
net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(net.parameters(), lr=0.003)
for epoch in range(40):
    perm = torch.randperm(X.size(0))
    epoch_loss = 0.0
    for i in range(0, X.size(0), 100):
        ind = perm[i : i + 100]
        optimizer.zero_grad()
        loss = criterion(net(X[ind]), Y[ind])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    if epoch % 10 == 9:
        net.eval()
        acc = (net(X).argmax(1) == Y).float().mean().item()
        net.train()
        print(f"epoch: {epoch + 1} loss: {epoch_loss / 12:.4f} acc: {acc:.3f}")
