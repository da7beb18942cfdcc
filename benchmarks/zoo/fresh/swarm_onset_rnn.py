"""The first pulse of a swarm decides its kind, 120 samples before the answer. A plain tanh RNN."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
SAMPLES = 120


def swarms(n):
    kind = torch.randint(0, 2, (n,))
    x = 0.5 * torch.randn(n, SAMPLES, 3)
    x[:, 0, 0] = 2.0 * (2 * kind - 1)
    return x, kind


class SwarmRNN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.RNN(3, hidden, batch_first=True, nonlinearity="tanh")
        self.decide = nn.Linear(hidden, 2)

    def forward(self, x):
        _, last = self.rnn(x)
        return self.decide(last[0])


model = SwarmRNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
held_x, held_y = swarms(500)
for step in range(1, 301):
    x, y = swarms(32)
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        model.eval()
        with torch.no_grad():
            out = model(held_x)
            acc = (out.argmax(1) == held_y).float().mean().item()
        model.train()
        print(f"step {step} loss {loss.item():.4f} held out acc {acc:.3f} (ln 2 = 0.6931)")
