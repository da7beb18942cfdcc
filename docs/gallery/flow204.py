"""A plain recurrent network has to carry the first symbol over thirty steps."""

import torch
from torch import nn


class First(nn.Module):
    """Which symbol came first?"""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(4, 16)
        self.rnn = nn.RNN(16, 48, batch_first=True)
        self.head = nn.Linear(48, 4)

    def forward(self, symbols):
        states, _ = self.rnn(self.embed(symbols))
        return self.head(states[:, -1])


torch.manual_seed(0)
model = First()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(300):
    symbols = torch.randint(0, 4, (64, 30))
    loss = nn.functional.cross_entropy(model(symbols), symbols[:, 0])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
