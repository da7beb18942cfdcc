"""Reverse a sequence: pre-norm transformer, tied output, warm-up, cosine to zero, tight clipping."""

import argparse
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

VOCAB, LENGTH, STEPS, WARMUP = 12, 8, 360, 80


class Reverser(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d)
        self.pos = nn.Parameter(0.02 * torch.randn(LENGTH, d))
        layer = nn.TransformerEncoderLayer(
            d, 4, 96, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)
        self.lm_head = nn.Linear(d, VOCAB, bias=False)
        nn.init.normal_(self.tok.weight, std=0.1)
        self.lm_head.weight = self.tok.weight

    def forward(self, x):
        return self.lm_head(self.norm(self.encoder(self.tok(x) + self.pos)))


def lr_factor(step):
    if step < WARMUP:
        return step / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    model = Reverser()
    decay = [p for p in model.parameters() if p.dim() > 1]
    other = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": other, "weight_decay": 0.0}],
        lr=3e-3,
        betas=(0.9, 0.95),
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_factor)
    for step in range(1, STEPS + 1):
        x = torch.randint(VOCAB, (48, LENGTH))
        logits = model(x)
        loss = F.cross_entropy(logits.transpose(1, 2), x.flip(1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()
        scheduler.step()
        if step % 90 == 0:
            acc = (logits.argmax(-1) == x.flip(1)).float().mean().item()
            print(f"step {step} loss {loss.item():.4f} norm {norm:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
