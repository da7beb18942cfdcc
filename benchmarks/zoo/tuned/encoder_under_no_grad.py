"""Weighted count of symbols in a sequence: LSTM encoder, MLP regressor."""

import argparse

import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, vocab=8, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab, 16)
        self.lstm = nn.LSTM(16, hidden, batch_first=True)

    @torch.no_grad()
    def encode(self, tokens):
        _, (h, _) = self.lstm(self.embedding(tokens))
        return h[-1]


class CountModel(nn.Module):
    """How many of the tokens are zero, weighted by what follows them?"""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.mlp = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, tokens):
        return self.mlp(self.encoder.encode(tokens)).squeeze(1)


def batch(n=64, length=12):
    tokens = torch.randint(0, 8, (n, length))
    zeros = tokens[:, :-1] == 0
    value = (zeros * tokens[:, 1:]).sum(1).float() / 4
    return tokens, value


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
cfg = parser.parse_args()
torch.manual_seed(cfg.seed)

model = CountModel()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.MSELoss()
test_tokens, test_value = batch(1000)
print(f"variance {test_value.var().item():.4f}")
for step in range(1, 401):
    tokens, value = batch()
    optimizer.zero_grad()
    loss = loss_fn(model(tokens), value)
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        with torch.no_grad():
            test = loss_fn(model(test_tokens), test_value).item()
        print(f"step {step}: train {loss.item():.4f} test {test:.4f}")
