"""Look up: the last token asks for a key, the model answers with the value stored beside it."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

KEYS, VALUES, PAIRS = 12, 6, 8


def sample(n):
    keys = torch.stack([torch.randperm(KEYS)[:PAIRS] for _ in range(n)])
    values = torch.randint(VALUES, (n, PAIRS))
    pick = torch.randint(PAIRS, (n,))
    asked = keys.gather(1, pick[:, None])
    answer = values.gather(1, pick[:, None]).squeeze(1)
    return keys, values, asked, answer


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.softmax = nn.Softmax(dim=-1)
        self.dim = dim

    def forward(self, q, memory):
        scores = self.query(q) @ self.key(memory).transpose(1, 2)
        weights = self.softmax(scores * self.dim)
        return weights @ self.value(memory)


class Lookup(nn.Module):
    def __init__(self, dim=96):
        super().__init__()
        self.key_emb = nn.Embedding(KEYS, dim)
        self.val_emb = nn.Embedding(VALUES, dim)
        self.norm = nn.LayerNorm(dim)
        self.attn = Attention(dim)
        self.out = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, VALUES))

    def forward(self, keys, values, asked):
        memory = self.norm(self.key_emb(keys) + self.val_emb(values))
        read = self.attn(self.norm(self.key_emb(asked)), memory)
        return self.out(read.squeeze(1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    keys, values, asked, answer = sample(8000)
    model = Lookup()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    step = 0
    for _ in range(5):
        for idx in torch.randperm(8000).split(80):
            loss = F.cross_entropy(model(keys[idx], values[idx], asked[idx]), answer[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step % 50 == 0:
                print(step, round(loss.item(), 4))
    with torch.no_grad():
        k, v, a, t = sample(1000)
        print("accuracy", (model(k, v, a).argmax(1) == t).float().mean().item())
