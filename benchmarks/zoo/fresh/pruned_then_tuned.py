"""Train, prune 80 % of the weights by magnitude, fine-tune what is left (torch.nn.utils.prune)."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.utils import prune

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
train, test = order[:1300], order[1300:]


class LeNet300(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 120)
        self.fc2 = nn.Linear(120, 60)
        self.fc3 = nn.Linear(60, 10)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def fit(net, epochs, lr):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for _ in range(epochs):
        net.train()
        for rows in train[torch.randperm(len(train))].split(52):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return round((net(x[test]).argmax(1) == y[test]).float().mean().item(), 4)


net = LeNet300()
fit(net, 8, 0.05)
print("dense", accuracy(net))
targets = [(net.fc1, "weight"), (net.fc2, "weight")]
prune.global_unstructured(targets, pruning_method=prune.L1Unstructured, amount=0.8)
print("pruned", accuracy(net))
fit(net, 8, 0.02)
print("fine-tuned", accuracy(net))
zeros = sum((m.weight == 0).sum().item() for m, _ in targets)
print("zero weights", zeros, "of", sum(m.weight.numel() for m, _ in targets))
