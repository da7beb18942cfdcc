"""An encoder that is meant to learn, and runs without gradients."""

import torch
from torch import nn


class Model(nn.Module):
    """A head on a code of four numbers."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 4), nn.Tanh())
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        with torch.no_grad():
            code = self.encoder(x)
        return self.head(code)


torch.manual_seed(0)
x = torch.randn(1000, 20)
y = x[:, :5].argmax(dim=1)
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
