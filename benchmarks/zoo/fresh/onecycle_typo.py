"""Tide residual from pressure and wind with momentum; somebody wrote max_lr=3 for 3e-2."""

import argparse

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--max-lr", type=float, default=3.0)
args = ap.parse_args()
torch.manual_seed(args.seed)

x = torch.randn(3200, 8)
y = torch.tanh(x[:, 0] + 0.5 * x[:, 1]) - 0.4 * x[:, 2] * x[:, 3] + 0.1 * torch.randn(3200)
y = ((y - y.mean()) / y.std())[:, None]


class Residual(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.first = nn.Linear(8, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, 1)

    def forward(self, x):
        x = nn.functional.silu(self.first(x))
        return self.third(nn.functional.silu(self.second(x)))


net = Residual()
criterion = nn.SmoothL1Loss()
epochs, batch = 10, 64
opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
sched = OneCycleLR(opt, max_lr=args.max_lr, epochs=epochs, steps_per_epoch=3200 // batch)
for epoch in range(epochs):
    total = 0.0
    for rows in torch.randperm(3200).split(batch):
        loss = criterion(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item()
    print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.4f} loss {total / (3200 // batch):.4f}")
