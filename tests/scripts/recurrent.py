"""LSTM and GRU on raw input: neither the sequence nor the first state asks for a gradient."""

# Optimizer steps: 10

import torch
from digest import seed, tell
from torch import nn


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 16, num_layers=2, dropout=0.2, batch_first=True)
        self.gru = nn.GRU(16, 8, bidirectional=True)
        self.head = nn.Linear(16, 2)

    def forward(self, sequence):
        out, _ = self.lstm(sequence)
        _, last = self.gru(out.transpose(0, 1))
        return self.head(torch.cat([last[0], last[1]], dim=1))


seed()
model = Two()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
losses = []

for _ in range(10):
    sequence, target = torch.randn(16, 20, 3), torch.randn(16, 2)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(sequence), target)
    loss.backward()
    assert not sequence.requires_grad
    assert sequence.grad is None
    nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
