"""The chapter's model B, trained onward in float32: two right points, and weights that stand still."""

import torch
from torch import nn

points = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
labels = torch.tensor([[1.0], [0.0]])

model = nn.Linear(2, 1)
with torch.no_grad():
    model.weight.fill_(10.0)
    model.bias.zero_()
before = model.weight.detach().clone()

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss_of = nn.BCEWithLogitsLoss()

for _ in range(1000):
    optimizer.zero_grad()
    loss = loss_of(model(points), labels)
    loss.backward()
    optimizer.step()

moved = (model.weight != before).sum().item()
print(f"loss {loss.item():.3e}  dC/dw {model.weight.grad[0, 0].item():.3e}")
print(f"weights after 1000 steps: {model.weight.tolist()[0]}; {moved} of 2 changed a bit")
print(f"bias {model.bias.item():.3e}: its true gradient is 0; float32 loses one of the two halves")
