"""The classic: a sigmoid network with Xavier weights, errors summed, a tiny learning rate."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

inputs, targets = load_digits(return_X_y=True)
inputs = torch.tensor(inputs, dtype=torch.float32)
inputs = (inputs - inputs.mean()) / inputs.std()
targets = torch.tensor(targets)
onehot = nn.functional.one_hot(targets, 10).float()


def dense(n_in, n_out):
    layer = nn.Linear(n_in, n_out)
    nn.init.xavier_normal_(layer.weight, gain=1.0)
    nn.init.zeros_(layer.bias)
    return layer


class SigmoidNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.h1 = dense(64, 60)
        self.h2 = dense(60, 40)
        self.out = dense(40, 10)

    def forward(self, x):
        x = torch.sigmoid(self.h1(x))
        x = torch.sigmoid(self.h2(x))
        return torch.sigmoid(self.out(x))


def cross_entropy_sum(p, t):
    return -(t * torch.log(p + 1e-7) + (1 - t) * torch.log(1 - p + 1e-7)).sum()


net = SigmoidNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.003, momentum=0.9)
for epoch in range(20):
    loss_total = 0.0
    for idx in torch.randperm(len(inputs)).split(60):
        optimizer.zero_grad()
        loss = cross_entropy_sum(net(inputs[idx]), onehot[idx])
        loss.backward()
        optimizer.step()
        loss_total += loss.item()
    if epoch % 4 == 3:
        accuracy = (net(inputs).argmax(1) == targets).float().mean().item()
        print(f"epoch {epoch + 1:2d}  summed loss {loss_total:9.2f}  accuracy {accuracy:.3f}")
