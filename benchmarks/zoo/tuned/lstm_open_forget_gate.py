"""Adding problem-like task: an LSTM with its forget gates wide open at the start."""

import argparse

import torch
from torch import nn


class Memory(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.hidden = hidden
        self.cell = nn.LSTMCell(2, hidden)
        self.readout = nn.Linear(hidden, 1)
        with torch.no_grad():
            self.cell.bias_ih.zero_()
            self.cell.bias_hh.zero_()
            self.cell.bias_ih[hidden : 2 * hidden] = 5.0

    def forward(self, seq):
        h = seq.new_zeros(len(seq), self.hidden)
        c = torch.zeros_like(h)
        for t in range(seq.shape[1]):
            h, c = self.cell(seq[:, t], (h, c))
        return self.readout(h).squeeze(1)


def flagged(n, length=16):
    """Recall the value that was flagged."""
    value = torch.rand(n, length) * 2 - 1
    where = torch.randint(0, length - 2, (n,))
    flag = torch.zeros(n, length)
    flag[torch.arange(n), where] = 1.0
    return torch.stack([value, flag], dim=2), value[torch.arange(n), where]


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--seed", type=int, default=0)
    torch.manual_seed(args.parse_args().seed)
    model = Memory()
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    smooth = None
    for step in range(1, 401):
        x, y = flagged(64)
        loss = nn.functional.mse_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
        if step % 80 == 0 or step == 1:
            print(f"step {step}: {smooth:.4f}")
