"""Which symbol occurs most often? A learned query attends over the sequence."""

import argparse

import torch
from torch import nn


class AttentionPool(nn.Module):
    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** 0.5
        self.query = nn.Parameter(torch.randn(1, heads, 1, dim // heads))
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
        self.attn = nn.Softmax(dim=-1)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, d = x.shape
        k = self.to_k(x).view(b, n, self.heads, -1).transpose(1, 2)
        v = self.to_v(x).view(b, n, self.heads, -1).transpose(1, 2)
        scores = self.query @ k.transpose(-2, -1) * self.scale
        weights = self.attn(scores)
        pooled = (weights @ v).transpose(1, 2).reshape(b, d)
        return self.out(pooled)


class Counter(nn.Module):
    def __init__(self, symbols, dim=64):
        super().__init__()
        self.embed = nn.Embedding(symbols, dim)
        self.position = nn.Parameter(torch.randn(24, dim))
        self.norm = nn.LayerNorm(dim)
        self.pool = AttentionPool(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, symbols))

    def forward(self, x):
        return self.mlp(self.pool(self.norm(self.embed(x) + self.position)))


def batch(n, symbols=6, length=24):
    p = torch.softmax(0.6 * torch.randn(n, symbols), dim=1)
    x = torch.multinomial(p, length, replacement=True)
    counts = torch.nn.functional.one_hot(x, symbols).sum(1).float()
    counts += 0.01 * torch.rand_like(counts)
    return x, counts.argmax(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    model = Counter(6)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for step in range(1, 401):
        x, y = batch(64)
        logits = model(x)
        loss = criterion(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 80 == 0:
            acc = (logits.argmax(1) == y).float().mean().item()
            print(f"step {step} loss {loss.item():.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
