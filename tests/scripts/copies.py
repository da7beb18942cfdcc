"""The model is copied, pickled, saved and loaded while it is trained."""

# Optimizer steps: 12

import copy
import io

import torch
from digest import checksum, pickled, seed, tell
from torch import nn

seed()
model = nn.Sequential(
    nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2)
)
average = torch.optim.swa_utils.AveragedModel(model)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
losses, kept = [], []


def saved(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


for step in range(12):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(16, 6)), torch.randint(2, (16,)))
    if step % 4 == 1:  # while a graph is alive
        kept.append(copy.deepcopy(model))
        print("pickle", checksum(pickled(model)))
        print("saved", checksum(saved(model)), checksum(saved(model.state_dict())))
    loss.backward()
    optimizer.step()
    average.update_parameters(model)
    print("optimizer", checksum(saved(optimizer.state_dict())))
    losses.append(loss.item())
    if step == 6:
        model.load_state_dict(kept[0].state_dict())
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    if step == 8:
        again = torch.load(io.BytesIO(saved(model)), weights_only=False)
        losses.append(again.eval()(torch.ones(1, 6)).sum().item())

for one in (*kept, average, again):
    hooks = [v for module in one.modules() for k, v in vars(module).items() if "hooks" in k]
    print("hooks in the copy", sum(len(registered) for registered in hooks if registered))
    losses.append(one.eval()(torch.ones(1, 6)).sum().item())
tell(losses, model, average, optimizer, *kept)
