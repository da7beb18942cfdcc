"""A transformer encoder that takes the majority over a sequence of tokens."""

import argparse

import torch
from torch import nn


def make_data(n, length=10, vocab=6):
    """More tokens above the middle of the vocabulary than below it?"""
    seq = torch.randint(0, vocab, (n, length))
    return seq, ((seq >= vocab // 2).sum(1) > length // 2).long()


class Classifier(nn.Module):
    def __init__(self, vocab=6, length=10, dim=32):
        super().__init__()
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Parameter(torch.zeros(1, length, dim))
        layer = nn.TransformerEncoderLayer(
            dim, nhead=4, dim_feedforward=64, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(dim, 2)

    def forward(self, seq):
        h = self.encoder(self.tok(seq) + self.pos)
        return self.head(h.mean(1))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    seqs, labels = make_data(2000)
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-7)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(6):
        total = correct = 0
        for idx in torch.randperm(len(seqs)).split(50):
            logits = model(seqs[idx])
            loss = criterion(logits, labels[idx])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(idx)
            correct += (logits.argmax(1) == labels[idx]).sum().item()
        print(f"epoch {epoch}: loss {total / len(seqs):.5f} acc {correct / len(seqs):.3f}")


if __name__ == "__main__":
    main()
