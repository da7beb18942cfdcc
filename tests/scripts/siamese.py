"""One network called twice in a step, and a part of it a third time with keyword arguments."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 16), nn.ReLU(inplace=True), nn.Linear(16, 4))
        self.scale = nn.Linear(4, 4)

    def forward(self, *, x, scaled=True):
        out = self.body(x)
        return {"code": self.scale(out) if scaled else out, "rows": len(x)}


seed()
model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
losses = []

for _ in range(12):
    left, right = torch.randn(16, 6), torch.randn(16, 6)
    optimizer.zero_grad()
    a, b = model(x=left)["code"], model(x=right, scaled=False)["code"]
    third = model.scale(a.detach())
    same = (torch.rand(16) > 0.5).float() * 2 - 1
    loss = nn.functional.cosine_embedding_loss(a, b, same) + 0.1 * third.square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
