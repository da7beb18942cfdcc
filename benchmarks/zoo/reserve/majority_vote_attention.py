"""Which of four symbols occurs most often? A learned query attends over the tokens."""

import argparse
import math

import torch
from torch import nn


class QueryAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x, memory):
        logits = self.q(x) @ self.k(memory).transpose(1, 2) * math.sqrt(self.dim)
        return self.softmax(logits) @ self.v(memory)


class Voter(nn.Module):
    def __init__(self, symbols=4, length=20, dim=64):
        super().__init__()
        self.tokens = nn.Embedding(symbols, dim)
        self.positions = nn.Embedding(length, dim)
        self.cls = nn.Parameter(torch.randn(1, 1, dim))
        self.ln = nn.LayerNorm(dim)
        self.attn = QueryAttention(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 64), nn.GELU(), nn.Linear(64, symbols))

    def forward(self, t):
        memory = self.ln(self.tokens(t) + self.positions.weight)
        query = self.ln(self.cls).expand(len(t), -1, -1)
        return self.mlp(self.attn(query, memory)[:, 0])


def polls(n, length=20):
    share = torch.distributions.Dirichlet(torch.ones(4)).sample((n,))
    votes = torch.multinomial(share, length, replacement=True)
    counts = nn.functional.one_hot(votes, 4).sum(1)
    return votes, counts.argmax(1)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    net = Voter()
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    total, right = 0.0, 0.0
    for i in range(1, 401):
        votes, winner = polls(64)
        logits = net(votes)
        loss = nn.functional.cross_entropy(logits, winner)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
        right += (logits.argmax(1) == winner).float().mean().item()
        if i % 40 == 0:
            print(f"{i} loss {total / 40:.3f} acc {right / 40:.3f}")
            total, right = 0.0, 0.0
