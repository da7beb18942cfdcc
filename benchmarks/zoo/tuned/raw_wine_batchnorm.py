"""Raw wine measurements; the first layer is a BatchNorm."""

import argparse

import torch
from sklearn.datasets import load_wine
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

X, y = load_wine(return_X_y=True)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
perm = torch.randperm(len(X))
train, test = perm[:135], perm[135:]


class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(13)
        self.fc1 = nn.Linear(13, 24)
        self.fc2 = nn.Linear(24, 3)
        self.drop = nn.Dropout(0.25)

    def forward(self, x):
        x = self.bn(x)
        x = self.drop(torch.tanh(self.fc1(x)))
        return self.fc2(x)


net = WineNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(60):
    net.train()
    for idx in train[torch.randperm(len(train))].split(27):
        optimizer.zero_grad()
        loss = loss_fn(net(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
    if epoch % 12 == 11:
        net.eval()
        with torch.no_grad():
            acc = (net(X[test]).argmax(1) == y[test]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f} test accuracy {acc:.3f}")
