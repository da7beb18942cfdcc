"""A small sequence model kept entirely in bfloat16, with a careful learning rate."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

VOCAB, LENGTH = 24, 16


class TinyLM(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, d)
        self.mix = nn.GRU(d, d, batch_first=True)
        self.up = nn.Linear(d, 2 * d)
        self.down = nn.Linear(2 * d, d)
        self.norm = nn.LayerNorm(d)
        self.lm_head = nn.Linear(d, VOCAB)

    def forward(self, ids):
        h, _ = self.mix(self.tokens(ids))
        return self.lm_head(self.norm(h + self.down(F.gelu(self.up(h)))))


def walk(n, stride):
    start = torch.randint(0, VOCAB, (n, 1))
    jump = torch.randint(0, 2, (n, LENGTH)).cumsum(1)
    return (start + stride * torch.arange(LENGTH) + jump) % VOCAB


def train(model, stride, steps, lr):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    for step in range(1, steps + 1):
        ids = walk(16, stride)
        logits = model(ids[:, :-1]).float()
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 60 == 0:
            print(f"stride {stride} step {step} loss {loss.item():.4f}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    model = TinyLM().to(torch.bfloat16)
    train(model, stride=3, steps=420, lr=1e-5)


if __name__ == "__main__":
    main()
