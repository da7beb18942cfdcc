"""A pre-norm transformer learns to sort; linear warm-up, and a clip that is always active."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Sorter(nn.Module):
    def __init__(self, vocab=10, length=8, dim=32):
        super().__init__()
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Parameter(0.02 * torch.randn(length, dim))
        layer = nn.TransformerEncoderLayer(
            dim, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, vocab)

    def forward(self, tokens):
        return self.out(self.norm(self.encoder(self.tok(tokens) + self.pos)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = Sorter()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.98))
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 100))
    for step in range(400):
        tokens = torch.randint(10, (32, 8))
        target = tokens.sort(dim=1).values
        loss = F.cross_entropy(model(tokens).flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()
        warmup.step()
        if step % 50 == 49:
            print(f"step {step + 1} loss {loss.item():.4f}")
    tokens = torch.randint(10, (500, 8))
    with torch.no_grad():
        right = (model(tokens).argmax(-1) == tokens.sort(dim=1).values).float().mean()
    print("token accuracy", right.item())


if __name__ == "__main__":
    main()
