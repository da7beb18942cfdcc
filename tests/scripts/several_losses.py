"""Several losses on one graph, backward on chosen leaves, on two roots at once, and on a vector."""

# Optimizer steps: 10

import torch
from digest import seed, tell
from torch import nn

seed()
trunk = nn.Sequential(nn.Linear(6, 16), nn.ReLU())
left, right = nn.Linear(16, 3), nn.Linear(16, 1)
model = nn.ModuleDict({"trunk": trunk, "left": left, "right": right})
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
losses = []

for step in range(10):
    optimizer.zero_grad()
    shared = trunk(torch.randn(16, 6))
    a = nn.functional.cross_entropy(left(shared), torch.randint(3, (16,)))
    b = right(shared).square().mean()
    if step % 3 == 0:
        a.backward(retain_graph=True)
        b.backward()
    elif step % 3 == 1:
        torch.autograd.backward([a, b])
        torch.autograd.backward(right(shared.detach()), torch.full((16, 1), 0.1))
    else:
        a.backward(inputs=[*left.parameters()], retain_graph=True)
        (a + b).backward(inputs=[*trunk.parameters(), *right.parameters()])
    optimizer.step()
    losses += [a.item(), b.item()]

tell(losses, model, optimizer)
