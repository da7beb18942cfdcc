"""Reuse a sequence model with a new head for more classes."""

import argparse

import torch
from torch import nn


class SequenceClassifier(nn.Module):
    def __init__(self, n_in, hidden, n_classes):
        super().__init__()
        self.rnn = nn.LSTM(n_in, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(hidden, n_classes)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(self.drop(out.mean(1)))


def waves(n, t=24, classes=8):
    """Sine waves, the class is the frequency."""
    y = torch.randint(classes, (n,))
    phase = 6.28 * torch.rand(n, 1)
    time = torch.linspace(0, 1, t)
    x = torch.sin(6.28 * (y.unsqueeze(1) + 1) * time + phase) + 0.1 * torch.randn(n, t)
    return x.unsqueeze(-1), y


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)

model = SequenceClassifier(1, 48, n_classes=2)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

# eight classes are needed here, not two
model.fc = nn.Linear(48, 8)

smooth = None
for step in range(1, 401):
    x, y = waves(64)
    optimizer.zero_grad()
    logits = model(x)
    loss = criterion(logits, y)
    loss.backward()
    optimizer.step()
    smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
    if step % 80 == 0:
        acc = (logits.argmax(1) == y).float().mean().item()
        print(f"step {step}: loss {smooth:.3f} acc {acc:.3f}")
