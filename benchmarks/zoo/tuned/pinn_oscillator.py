"""Physics-informed network: u'' + 4u = 0, u(0) = 1, u'(0) = 0 on [0, 2]."""

import argparse

import torch
from torch import nn


class Solution(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.l1 = nn.Linear(1, width)
        self.l2 = nn.Linear(width, width)
        self.l3 = nn.Linear(width, 1)

    def forward(self, t):
        h = torch.tanh(self.l1(t))
        h = torch.tanh(self.l2(h))
        return self.l3(h)


def derivative(u, t):
    return torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]


def residual(net, t):
    t = t.clone().requires_grad_(True)
    u = net(t)
    return derivative(derivative(u, t), t) + 4 * u


def boundary(net):
    t0 = torch.zeros(1, 1, requires_grad=True)
    u0 = net(t0)
    return (u0 - 1) ** 2 + derivative(u0, t0) ** 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    net = Solution()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.996)
    grid = torch.linspace(0, 2, 101).unsqueeze(1)
    for step in range(1, 701):
        t = 2 * torch.rand(64, 1)
        loss = (residual(net, t) ** 2).mean() + 10 * boundary(net).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 140 == 0 or step == 1:
            with torch.no_grad():
                err = (net(grid) - torch.cos(2 * grid)).abs().max().item()
            print(f"step {step} loss {loss.item():.5f} largest error {err:.4f}")


if __name__ == "__main__":
    main()
