import argparse
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import nn

# The 1990s network: sigmoid hidden layers, Xavier weights, momentum, squared error on one-hot codes.

cli = argparse.ArgumentParser()
cli.add_argument("--seed", type=int, default=0)
torch.manual_seed(cli.parse_args().seed)

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 8 - 0.6
y = torch.tensor(digits.target)
onehot = nn.functional.one_hot(y, 10).float()


class SigmoidNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, a):
        for layer in self.layers:
            a = torch.sigmoid(layer(a))
        return a


net = SigmoidNet([64, 60, 10])
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(15):
    err, right = 0.0, 0
    for rows in torch.randperm(len(x)).split(40):
        out = net(x[rows])
        loss = 0.5 * (out - onehot[rows]).pow(2).sum(1).mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        err += loss.item() * len(rows)
        right += (out.argmax(1) == y[rows]).sum().item()
    print(f"epoch {epoch} error {err / len(x):.4f} correct {right / len(x):.3f}")
