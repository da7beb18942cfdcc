"""The whole step is compiled: forward, backward and optimizer in one function."""

# Optimizer steps: 8

import torch
from digest import seed, tell
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

seed()
model = nn.Sequential(nn.Linear(6, 12), nn.Sigmoid(), nn.Dropout(0.1), nn.Linear(12, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(1e-2), capturable=False)
counter = CompileCounterWithBackend("aot_eager")


@torch.compile(backend=counter)
def step(inputs, target):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), target)
    loss.backward()
    optimizer.step()
    return loss.detach()


losses = [step(torch.randn(8, 6), torch.randn(8, 1)).item() for _ in range(8)]
print("frames", counter.frame_count, "operations", counter.op_count)
tell(losses, model, optimizer)
