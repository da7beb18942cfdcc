"""Which sensor fits which site? Two embedding tables with a long tail, two optimizers."""

import argparse

import torch
from torch import nn


class Factors(nn.Module):
    def __init__(self, sites, sensors, dim=8):
        super().__init__()
        self.site = nn.Embedding(sites, dim, sparse=True)
        self.sensor = nn.Embedding(sensors, dim, sparse=True)
        nn.init.normal_(self.site.weight, 0, 0.3)
        nn.init.normal_(self.sensor.weight, 0, 0.3)
        self.mix = nn.Sequential(nn.Linear(3 * dim, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, i, j):
        a, b = self.site(i), self.sensor(j)
        return self.mix(torch.cat([a, b, a * b], dim=1)).squeeze(1)


def zipf(n, size):
    p = 1.0 / torch.arange(1, size + 1) ** 1.3
    return torch.multinomial(p, n, replacement=True)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
SITES, SENSORS = 600, 300
u, v = torch.randn(SITES, 3), torch.randn(SENSORS, 3)
i, j = zipf(24000, SITES), zipf(24000, SENSORS)
rating = (u[i] * v[j]).sum(1) + 0.3 * torch.randn(24000)
rating = rating / rating.std()

model = Factors(SITES, SENSORS)
tables = torch.optim.SparseAdam([*model.site.parameters(), *model.sensor.parameters()], lr=0.02)
dense = torch.optim.Adam(model.mix.parameters(), lr=3e-3)
for epoch in range(4):
    total = 0.0
    for idx in torch.randperm(24000).split(200):
        loss = nn.functional.mse_loss(model(i[idx], j[idx]), rating[idx])
        tables.zero_grad()
        dense.zero_grad()
        loss.backward()
        tables.step()
        dense.step()
        total += loss.item() / 120
    print(f"epoch {epoch} loss {total:.4f}")
