"""Only the middle of the model is compiled, by two backends: one counts, one differentiates."""

# Optimizer steps: 8

import torch
from digest import seed, tell
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend


class Net(nn.Module):
    def __init__(self, backend):
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.middle = torch.compile(
            nn.Sequential(nn.Linear(12, 12), nn.Tanh(), nn.Dropout(0.1)), backend=backend
        )
        self.last = nn.Linear(12, 1)

    def forward(self, x):
        return self.last(torch.relu(self.middle(self.first(x))))


seed()
counter = CompileCounterWithBackend("aot_eager")
model = Net(counter)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
losses = []

for _ in range(8):
    optimizer.zero_grad()
    loss = model(torch.randn(8, 6)).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

print("frames", counter.frame_count, "operations", counter.op_count)
tell(losses, model, optimizer)
