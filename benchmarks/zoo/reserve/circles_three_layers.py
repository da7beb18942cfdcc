"""Concentric circles, three-layer network written from a lecture slide."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import make_circles
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
opt = parser.parse_args()
torch.manual_seed(opt.seed)

X, y = make_circles(800, noise=0.08, factor=0.5, random_state=opt.seed)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(2, 32)
        self.l2 = nn.Linear(32, 32)
        self.l3 = nn.Linear(32, 1)

    def forward(self, x):
        h1 = self.l1(x)
        F.relu(h1)
        h2 = self.l2(h1)
        F.relu(h2)
        return self.l3(h2).squeeze(-1)


net = Net()
optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)
for epoch in range(20):
    total, correct = 0.0, 0
    for batch in torch.randperm(len(X)).split(40):
        logit = net(X[batch])
        loss = F.binary_cross_entropy_with_logits(logit, y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        correct += ((logit > 0).float() == y[batch]).sum().item()
    if epoch % 2 == 0 or epoch == 19:
        print(f"epoch {epoch}: loss {total / len(X):.4f}, accuracy {correct / len(X):.3f}")
