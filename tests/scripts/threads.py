"""Two models trained at once, each in a thread of its own, with random numbers of its own."""

import threading

import torch
from digest import seed, tell
from torch import nn

seed()
models = [nn.Sequential(nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, 1)) for _ in range(2)]
optimizers = [torch.optim.Adam(model.parameters(), lr=1e-2) for model in models]
losses = [[], []]


def train(which):
    draw = torch.Generator().manual_seed(which)
    for _ in range(30):
        inputs = torch.randn(16, 5, generator=draw)
        optimizers[which].zero_grad()
        loss = (models[which](inputs) - inputs.sum(dim=1, keepdim=True)).abs().mean()
        loss.backward()
        optimizers[which].step()
        losses[which].append(loss.item())


runners = [threading.Thread(target=train, args=(which,)) for which in range(2)]
for runner in runners:
    runner.start()
for runner in runners:
    runner.join()

tell(losses[0] + losses[1], *models, *optimizers)
