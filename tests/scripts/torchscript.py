"""A scripted part, a traced part, and an ordinary one between them."""

# Optimizer steps: 10

import warnings

import torch
from digest import seed, tell
from torch import nn

warnings.simplefilter("ignore")  # TorchScript is deprecated, and says so


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return torch.sigmoid(self.a(x)) * torch.tanh(self.b(x))


seed()
scripted = torch.jit.script(Gate())
traced = torch.jit.trace(nn.Sequential(nn.Linear(8, 8), nn.ReLU()), torch.zeros(2, 8))
model = nn.Sequential(scripted, nn.Linear(8, 8), nn.Dropout(0.1), traced, nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
losses = []

for _ in range(10):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(16, 8)), torch.randint(2, (16,)))
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
