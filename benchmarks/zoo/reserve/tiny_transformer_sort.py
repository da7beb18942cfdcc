"""Encoder that predicts, for each position, the rank of its number in the sequence."""

import argparse

import torch
from torch import nn


class Ranker(nn.Module):
    def __init__(self, vocab=30, length=8, dim=32):
        super().__init__()
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Parameter(torch.zeros(1, length, dim))
        layer = nn.TransformerEncoderLayer(
            dim, nhead=4, dim_feedforward=64, dropout=0.0, batch_first=True
        )
        self.enc = nn.TransformerEncoder(layer, num_layers=2)
        self.head = nn.Linear(dim, length)

    def forward(self, t):
        return self.head(self.enc(self.tok(t) + self.pos))


def batch(n, vocab=30, length=8):
    t = torch.stack([torch.randperm(vocab)[:length] for _ in range(n)])
    return t, t.argsort(1).argsort(1)


def fit(model, steps, lr):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    history = []
    for it in range(steps):
        x, rank = batch(32)
        logits = model(x)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), rank.flatten())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        history.append(loss.item())
        if it % 40 == 39:
            acc = (logits.argmax(-1) == rank).float().mean()
            print(f"it {it + 1} loss {sum(history[-40:]) / 40:.3f} acc {acc:.3f}")
    return history


if __name__ == "__main__":
    argp = argparse.ArgumentParser()
    argp.add_argument("--seed", type=int, default=0)
    opts = argp.parse_args()
    torch.manual_seed(opts.seed)
    fit(Ranker(), steps=240, lr=0.1)
