"""Small pre-norm causal language model on a synthetic grammar; embeddings tied to the head."""

import argparse
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

VOCAB, CONTEXT, DIM = 24, 16, 32


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.fc, self.out = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(a.transpose(1, 2).reshape(b, t, d))
        return x + self.out(F.gelu(self.fc(self.ln2(x))))


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(VOCAB, DIM)
        self.wpe = nn.Embedding(CONTEXT, DIM)
        self.h = nn.ModuleList([Layer(DIM, 4) for _ in range(2)])
        self.ln_f = nn.LayerNorm(DIM)
        self.lm_head = nn.Linear(DIM, VOCAB, bias=False)
        self.lm_head.weight = self.wte.weight
        for p in self.parameters():
            if p.ndim > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1]))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def corpus(n):
    """A noisy second-order rule: next = a + 2 b mod VOCAB/2, sometimes in the upper half."""
    seq = torch.randint(0, VOCAB // 2, (n, CONTEXT + 1))
    for t in range(2, CONTEXT + 1):
        nxt = (seq[:, t - 1] % 12 + (seq[:, t - 2] % 3)) % 12
        seq[:, t] = torch.where(torch.rand(n) < 0.05, nxt + 12, nxt)
    return seq


def lr_at(step, total, peak=4e-3, warm=40):
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    data, model, total = corpus(2000), LM(), 300
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(total):
        for g in opt.param_groups:
            g["lr"] = lr_at(step, total)
        rows = data[torch.randint(0, len(data), (24,))]
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        if step % 50 == 0 or step == total - 1:
            print(f"step {step} loss {loss.item():.4f} lr {lr_at(step, total):.1e}")
