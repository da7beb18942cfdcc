"""Data-parallel on as many ranks as there are; each takes its share of every batch."""

# Optimizer steps: 10

import os

import torch
import torch.distributed as dist
from digest import seed, tell
from torch import nn
from torch.nn.parallel import DistributedDataParallel

rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
seed()
model = network = nn.Sequential(
    nn.Unflatten(1, (2, 8)), nn.Conv1d(2, 6, 3), nn.ReLU(), nn.Flatten(),
    nn.Linear(36, 24), nn.LayerNorm(24), nn.Tanh(), nn.Linear(24, 4),
)  # fmt: skip
if world > 1:
    dist.init_process_group("gloo")
    model = DistributedDataParallel(network)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
inputs, labels = torch.randn(10, 32, 16), torch.randint(4, (10, 32))
losses = []

for batch, truth in zip(inputs, labels, strict=True):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch[rank::world]), truth[rank::world])
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

for turn in range(world):  # one after the other, so that the lines keep their order
    if turn == rank:
        print("rank", rank, type(model).__name__)
        tell(losses, network, optimizer)
    if world > 1:
        dist.barrier()
if world > 1:
    dist.destroy_process_group()
