"""Digits in pure bfloat16 to save memory."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

bunch = load_digits()
x = torch.tensor(bunch.data, dtype=torch.float32)
x = (x - x.mean()) / x.std()
y = torch.tensor(bunch.target)
split = torch.randperm(len(x))
x, y = x[split].to(torch.bfloat16), y[split]

model = nn.Sequential(
    nn.Linear(64, 128),
    nn.ReLU(),
    nn.Linear(128, 128),
    nn.ReLU(),
    nn.Linear(128, 10),
).to(torch.bfloat16)
optimizer = torch.optim.SGD(model.parameters(), lr=0.003)


def evaluate():
    with torch.no_grad():
        logits = model(x[1400:]).float()
        loss = nn.functional.cross_entropy(logits, y[1400:])
        acc = (logits.argmax(1) == y[1400:]).float().mean()
    return loss.item(), acc.item()


print("start: loss {:.4f} acc {:.3f}".format(*evaluate()))
for step in range(1, 801):
    rows = torch.randint(0, 1400, (64,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x[rows]).float(), y[rows])
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print("step {}: test loss {:.4f} acc {:.3f}".format(step, *evaluate()))
