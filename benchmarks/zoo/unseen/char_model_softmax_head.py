"""Character model: the loss never falls below 2.8, no matter how long it runs."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TEXT = (
    "the quick brown fox jumps over the lazy dog while the old sailor sings of the sea "
    "and the wind carries the song over the hills to the town where the bells are ringing "
    "for the feast of the harvest and the children run through the narrow streets laughing "
)
chars = sorted(set(TEXT))
stoi = {c: i for i, c in enumerate(chars)}
ids = torch.tensor([stoi[c] for c in TEXT * 2])
BLOCK = 16


class SelfAttention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d)
        self.proj = nn.Linear(d, d)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).unbind(2)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(b, t, d))


class TransformerBlock(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = SelfAttention(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class CharModel(nn.Module):
    def __init__(self, vocab, d=48, layers=2):
        super().__init__()
        self.tok = nn.Embedding(vocab, d)
        self.pos = nn.Embedding(BLOCK, d)
        self.blocks = nn.Sequential(*[TransformerBlock(d, 4) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocab)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.shape[1]))
        return self.softmax(self.head(self.ln_f(self.blocks(x))))


def get_batch(n=24):
    start = torch.randint(len(ids) - BLOCK - 1, (n,))
    x = torch.stack([ids[s : s + BLOCK] for s in start])
    y = torch.stack([ids[s + 1 : s + BLOCK + 1] for s in start])
    return x, y


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = CharModel(len(chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for step in range(301):
        x, y = get_batch()
        out = model(x)
        loss = criterion(out.view(-1, len(chars)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step % 60 == 0:
            acc = (out.argmax(-1) == y).float().mean().item()
            print(f"step {step}: loss {loss.item():.4f} acc {acc:.3f}")
