"""A head is exchanged and the weights are put back in the middle of the run; old ones are freed."""

# Optimizer steps: 18

import gc
import weakref

import torch
from digest import seed, tell
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.fc = nn.Sequential(nn.Linear(5, 16), nn.Softplus()), nn.Linear(16, 2)

    def forward(self, x):
        return self.fc(self.body(x))


def train(model, optimizer, classes):
    for _ in range(6):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(torch.randn(8, 5)), torch.randint(classes, (8,)))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


seed()
losses, model = [], Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
train(model, optimizer, 2)

old = [weakref.ref(model.fc), weakref.ref(model.fc.weight), weakref.ref(optimizer)]
model.fc = nn.Linear(16, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
gc.collect()
print("freed", [link() is None for link in old])
train(model, optimizer, 4)

model.load_state_dict({k: v.clone() for k, v in model.state_dict().items()}, assign=True)
model.double().float()
optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)
train(model, optimizer, 4)

tell(losses, model, optimizer)
