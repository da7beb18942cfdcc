"""A deep regression network for the heat flow of a geothermal site."""

import argparse

import torch
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
a = p.parse_args()
torch.manual_seed(a.seed)

n, d = 1500, 8
site = torch.randn(n, d)
mix = torch.randn(d, 3) / d**0.5
h = site @ mix
heat = torch.sin(2 * h[:, 0]) + h[:, 1] * h[:, 2] + 0.05 * torch.randn(n)
heat = (heat - heat.mean()) / heat.std()


def block(n_in, n_out):
    lin = nn.Linear(n_in, n_out)
    nn.init.normal_(lin.weight, 0.0, 3.0 / n_in**0.5)
    nn.init.zeros_(lin.bias)
    return nn.Sequential(lin, nn.ReLU())


model = nn.Sequential(
    block(d, 64),
    *[block(64, 64) for _ in range(11)],
    nn.Linear(64, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()

for epoch in range(12):
    order = torch.randperm(1200)
    for k in range(0, 1200, 50):
        batch = order[k : k + 50]
        prediction = model(site[batch])[:, 0]
        loss = criterion(prediction, heat[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val = criterion(model(site[1200:])[:, 0], heat[1200:])
    print("epoch", epoch, "train", loss.item(), "validation", val.item())
