"""Bicycle counts per hour: Poisson regression network, loss summed over the batch, tiny rate."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

N = 3000
hour = torch.randint(0, 24, (N,)).float()
warm = torch.randn(N)
rain = (torch.rand(N) < 0.2).float()
log_rate = 2.5 + torch.sin((hour - 8) * torch.pi / 12) + 0.4 * warm - 1.2 * rain
count = torch.poisson(log_rate.exp())
angle = hour * torch.pi / 12
features = torch.stack([angle.sin(), angle.cos(), (2 * angle).sin(), warm, rain], 1)


class CountNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.a = nn.Linear(5, width)
        self.b = nn.Linear(width, 1)

    def forward(self, x):
        return self.b(torch.nn.functional.softplus(self.a(x))).squeeze(1)


def poisson_nll(log_mu, k):
    return (log_mu.exp() - k * log_mu).sum()


net = CountNet()
with torch.no_grad():
    net.b.bias.fill_(count.mean().log().item())
optimizer = torch.optim.SGD(net.parameters(), lr=5e-6, momentum=0.9)
for epoch in range(10):
    total = 0.0
    for rows in torch.randperm(N).split(60):
        loss = poisson_nll(net(features[rows]), count[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        mu = net(features).exp()
        r2 = 1 - (mu - count).pow(2).mean() / count.var()
        floor = poisson_nll(log_rate, count) / N
    print(f"epoch {epoch} nll {total / N:.3f} (true rate: {floor:.3f}) R2 {r2:.3f}")
