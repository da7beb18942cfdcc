"""Stochastic weight averaging: constant rate, averaged copy evaluated beside the raw one."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int, default=14)
    p.add_argument("--swa-start", type=int, default=7)
    return p.parse_args()


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        out = model(x)
    return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


args = parse()
gen = torch.Generator().manual_seed(args.seed)
torch.manual_seed(args.seed)
x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 8 - 1, dtype=torch.float32)
y = torch.tensor(y)
order = torch.randperm(len(x), generator=gen)
tr, te = order[:1200], order[1200:]
loader = DataLoader(
    TensorDataset(x[tr], y[tr]), batch_size=48, shuffle=True, generator=gen, drop_last=True
)

model = nn.Sequential(
    nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(96, 48), nn.BatchNorm1d(48), nn.ReLU(),
    nn.Linear(48, 10),
)  # fmt: skip
averaged = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
swa_scheduler = SWALR(optimizer, swa_lr=0.05, anneal_epochs=2)

for epoch in range(args.epochs):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(xb), yb).backward()
        optimizer.step()
    line = "epoch {} raw {:.4f} {:.3f}".format(epoch, *test(model, x[te], y[te]))
    if epoch >= args.swa_start:
        averaged.update_parameters(model)
        swa_scheduler.step()
        update_bn(loader, averaged)
        line += " swa {:.4f} {:.3f}".format(*test(averaged, x[te], y[te]))
    print(line)
