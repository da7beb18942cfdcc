"""A recurrent cell in a Python loop, truncated every ten steps, with packed sequences beside it."""

# Optimizer steps: 8

import torch
from digest import seed, tell
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

seed()
cell, reader, head = nn.RNNCell(4, 12), nn.GRU(4, 12, batch_first=True), nn.Linear(12, 1)
model = nn.ModuleList([cell, reader, head])  # a bag of parts: it is never called itself
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
signal, state, losses = torch.randn(80, 5, 4), torch.zeros(5, 12), []

for begin in range(0, 80, 10):
    state, loss = state.detach(), torch.zeros(())
    for moment in signal[begin : begin + 10]:
        state = cell(moment, state)
        loss = loss + (head(state).squeeze(1) - moment[:, 0]).square().mean()
    packed = pack_padded_sequence(
        signal[begin : begin + 10].transpose(0, 1), [10, 7, 7, 3, 1], batch_first=True
    )
    read, _ = pad_packed_sequence(reader(packed)[0], batch_first=True)
    loss = loss / 10 + head(read).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
