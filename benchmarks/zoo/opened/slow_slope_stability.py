"""Factor of safety of a slope from its geometry and soil strength."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=1e-5)
args = parser.parse_args()
torch.manual_seed(args.seed)

N = 2400
cohesion = 5 + 45 * torch.rand(N)
friction = 15 + 25 * torch.rand(N)
height = 4 + 26 * torch.rand(N)
angle = 15 + 45 * torch.rand(N)
water = torch.rand(N)
rad = torch.pi / 180
fs = (
    cohesion / (9.5 * height) * 4
    + (1 - 0.5 * water) * torch.tan(friction * rad) / torch.tan(angle * rad)
    + 0.03 * torch.randn(N)
)
X = torch.stack([cohesion, friction, height, angle, water], 1)
X = (X - X.mean(0)) / X.std(0)
Y = ((fs - fs.mean()) / fs.std())[:, None]


class Surrogate(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.inp = nn.Linear(5, width)
        self.hid = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)
        self.act = nn.SiLU()

    def forward(self, x):
        x = self.act(self.inp(x))
        x = self.act(self.hid(x))
        return self.out(x)


model = Surrogate()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
loss_fn = nn.SmoothL1Loss()
for epoch in range(15):
    perm = torch.randperm(2000)
    total = 0.0
    for i in range(0, 2000, 50):
        rows = perm[i : i + 50]
        loss = loss_fn(model(X[rows]), Y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 40
    with torch.no_grad():
        val = loss_fn(model(X[2000:]), Y[2000:]).item()
    print(f"epoch {epoch} train {total:.4f} val {val:.4f}")
