"""Poisson regression of counts with a summed loss and a small learning rate."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class RateNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.h1 = nn.Linear(4, 32)
        self.h2 = nn.Linear(32, 1)

    def forward(self, x):
        return self.h2(F.softplus(self.h1(x))).squeeze(1)


def counts(n):
    x = torch.randn(n, 4)
    log_rate = 0.8 + 0.6 * torch.sin(x[:, 0]) + 0.4 * x[:, 1] - 0.3 * x[:, 2].abs()
    return x, torch.poisson(log_rate.exp()), log_rate


def negative_log_likelihood(log_rate, k):
    return (log_rate.exp() - k * log_rate).sum()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, k, _ = counts(6000)
    xt, _, truth = counts(1000)
    net = RateNet()
    opt = torch.optim.SGD(net.parameters(), lr=5e-5, momentum=0.9)
    step = 0
    for _ in range(10):
        for idx in torch.randperm(len(x)).split(200):
            loss = negative_log_likelihood(net(x[idx]), k[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            step += 1
        with torch.no_grad():
            err = (net(xt) - truth).pow(2).mean().item()
        print(
            f"step {step} loss {loss.item():.2f} error of the log rate {err:.4f} of {truth.var():.4f}"
        )


if __name__ == "__main__":
    main()
