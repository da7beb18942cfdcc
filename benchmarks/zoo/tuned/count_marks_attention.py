"""How many tokens carry the mark? A one-layer attention model counts them."""

import argparse
import math

import torch
from torch import nn

VOCAB, LENGTH, DIM = 12, 16, 64


class SelfAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.softmax = nn.Softmax(dim=-1)
        self.proj = nn.Linear(dim, dim)
        self.dim = dim

    def forward(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)
        scores = q @ k.transpose(1, 2) * self.dim
        return self.proj(self.softmax(scores) @ v)


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, DIM)
        self.mark = nn.Embedding(2, DIM)
        self.cls = nn.Parameter(torch.randn(1, 1, DIM))
        self.norm1 = nn.LayerNorm(DIM)
        self.attn = SelfAttention(DIM)
        self.norm2 = nn.LayerNorm(DIM)
        self.mlp = nn.Sequential(nn.Linear(DIM, 2 * DIM), nn.GELU(), nn.Linear(2 * DIM, DIM))
        self.head = nn.Linear(DIM, LENGTH + 1)

    def forward(self, tokens, marks):
        x = self.tok(tokens) + self.mark(marks)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], dim=1)
        x = x + self.attn(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(x[:, 0])


def make_batch(n):
    tokens = torch.randint(0, VOCAB, (n, LENGTH))
    marks = torch.randint(0, 2, (n, LENGTH))
    return tokens, marks, marks.sum(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = Counter()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    binomial = torch.tensor([math.comb(LENGTH, k) / 2**LENGTH for k in range(LENGTH + 1)])
    print(f"always guessing the frequencies: {-(binomial * binomial.log()).sum().item():.3f}")
    running = 0.0
    for step in range(1, 401):
        tokens, marks, answer = make_batch(64)
        loss = criterion(model(tokens, marks), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running = 0.95 * running + 0.05 * loss.item()
        if step % 80 == 0:
            print(f"step {step}: loss {running / (1 - 0.95**step):.4f}")


if __name__ == "__main__":
    main()
