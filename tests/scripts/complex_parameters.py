"""Complex weights: a learnt filter in the frequency domain."""

# Optimizer steps: 12

import torch
from digest import seed, tell
from torch import nn


class Filter(nn.Module):
    def __init__(self, length):
        super().__init__()
        self.gain = nn.Parameter(torch.randn(length // 2 + 1, dtype=torch.complex64))
        self.mix = nn.Linear(length // 2 + 1, length // 2 + 1, dtype=torch.complex64)

    def forward(self, x):
        return torch.fft.irfft(self.mix(torch.fft.rfft(x) * self.gain), n=x.shape[-1])


seed()
model = Filter(16)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
losses = []

for _ in range(12):
    signal = torch.randn(8, 16)
    optimizer.zero_grad()
    loss = (model(signal) - signal.roll(1, dims=1)).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tell(losses, model, optimizer)
