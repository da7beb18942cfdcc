"""A model compiled in place, and evaluated; the graph must be made once for each of the two."""

# Optimizer steps: 8

import torch
from digest import seed, tell
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.drop = nn.Linear(8, 16), nn.Linear(16, 2), nn.Dropout(0.1)

    def forward(self, x):
        return self.b(self.drop(torch.relu(self.a(x))))


seed()
model = Net()
model.compile(backend="aot_eager")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
losses = []

for step in range(8):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(8, 8)), torch.randint(2, (8,)))
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step % 3 == 2:
        model.eval()
        with torch.no_grad():
            losses.append(model(torch.randn(8, 8)).sum().item())
        model.train()

tell(losses, model, optimizer)
counters = torch._dynamo.utils.counters
print("graphs", counters["stats"]["unique_graphs"], "breaks", sum(counters["graph_break"].values()))
