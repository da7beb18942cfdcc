"""Home-made dense layers, drawn from a normal distribution without scaling."""

import torch
from torch import nn


class Dense(nn.Module):
    """Weights times inputs, plus bias."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


torch.manual_seed(0)
x = torch.randn(1000, 64)
y = x[:, :10].argmax(dim=1)

model = nn.Sequential(
    Dense(64, 128),
    nn.ReLU(),
    Dense(128, 128),
    nn.ReLU(),
    Dense(128, 128),
    nn.ReLU(),
    Dense(128, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (64,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
