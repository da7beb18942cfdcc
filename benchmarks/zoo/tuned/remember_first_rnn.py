"""Remember the first symbol of a long sequence (vanilla RNN)."""

import argparse
import math

import torch
from torch import nn

N_SYMBOLS, LENGTH = 4, 30


def sample(batch):
    seq = torch.randint(0, N_SYMBOLS, (batch, LENGTH))
    return seq, seq[:, 0]


class FirstSymbol(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.embed = nn.Embedding(N_SYMBOLS, 16)
        self.rnn = nn.RNN(16, hidden, batch_first=True)
        self.head = nn.Linear(hidden, N_SYMBOLS)

    def forward(self, seq):
        out, _ = self.rnn(self.embed(seq))
        return self.head(out[:, -1])


def train(model, steps, lr):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    ce = nn.CrossEntropyLoss()
    history = []
    for _ in range(steps):
        seq, first = sample(64)
        loss = ce(model(seq), first)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        history.append(loss.item())
        if len(history) % 50 == 0:
            print(f"step {len(history)}: loss {sum(history[-50:]) / 50:.4f}")
    return history


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    print(f"guessing gives {math.log(N_SYMBOLS):.4f}")
    train(FirstSymbol(), steps=400, lr=1e-3)
