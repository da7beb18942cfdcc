"""Classify short bursts of a geophone; the traces are padded to a common length."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

MAX_LEN = 120


def bursts(n, rng):
    x = torch.zeros(n, MAX_LEN, 2)
    y = torch.randint(0, 4, (n,), generator=rng)
    length = torch.randint(12, 20, (n,), generator=rng)
    for i in range(n):
        k = int(length[i])
        t = torch.arange(k) / k
        period = 1.0 + y[i] // 2
        sign = 1.0 if y[i] % 2 else -1.0
        x[i, :k, 0] = torch.sin(2 * torch.pi * period * t)
        x[i, :k, 1] = sign * t
        x[i, :k] += 0.2 * torch.randn(k, 2, generator=rng)
    return x, y, length


class BurstRNN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.RNN(2, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 4)

    def forward(self, x, length):
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    x, y, length = bursts(800, rng)
    model = BurstRNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        total = 0.0
        for idx in torch.randperm(640).split(32):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[idx], length[idx]), y[idx])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() / 20
        with torch.no_grad():
            acc = (model(x[640:], length[640:]).argmax(1) == y[640:]).float().mean().item()
        print(f"epoch {epoch} loss {total:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
