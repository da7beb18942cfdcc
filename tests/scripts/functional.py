"""No modules at all: functions on parameters, in place where that is allowed, one with its own backward."""

# Optimizer steps: 15

import torch
from digest import seed, tell
from torch import nn
from torch.nn import functional as F  # noqa: N812


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(-1, 1)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() < 1)


def network(x, w):
    x = F.relu(F.linear(x, w[0], w[1]))
    x = F.linear(x, w[2])
    x = F.relu_(x)
    x = F.linear(x, w[3])
    x = x * torch.sigmoid(x)
    x = Clamp.apply(F.linear(x, w[4]))
    x = F.dropout(x, 0.1).add_(1)
    return F.log_softmax(F.gelu(x, approximate="tanh") @ w[5], dim=1)


seed()
shapes = [(16, 6), (16,), (16, 16), (16, 16), (16, 16), (16, 3)]
weights = [nn.Parameter(torch.randn(shape) / 4) for shape in shapes]
optimizer = torch.optim.Adam(weights, lr=1e-2)
losses = []

for _ in range(15):
    optimizer.zero_grad()
    loss = F.nll_loss(network(torch.randn(16, 6), weights), torch.randint(3, (16,)))
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, weights, optimizer)
