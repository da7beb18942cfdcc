"""Two forked loader workers, and a forked child that trains a copy of its own."""

# Optimizer steps: 16

import multiprocessing

import torch
from digest import checksum, seed, tell
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Noise(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, i):
        return torch.randn(6) + i / 64, i % 3


def step(model, optimizer, inputs, labels):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def child(pipe):
    for _ in range(3):
        step(model, optimizer, torch.randn(4, 6), torch.randint(3, (4,)))
    pipe.send(checksum(model.state_dict()))


seed()
model = nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.1), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
loader = DataLoader(
    Noise(), batch_size=8, shuffle=True, num_workers=2, multiprocessing_context="fork"
)
losses = [step(model, optimizer, *batch) for batch in loader]

fork = multiprocessing.get_context("fork")
ours, theirs = fork.Pipe()
process = fork.Process(target=child, args=(theirs,))
process.start()
print("child", ours.recv())
process.join()
print("exit code", process.exitcode)

losses += [step(model, optimizer, *batch) for batch in loader]
tell(losses, model, optimizer)
