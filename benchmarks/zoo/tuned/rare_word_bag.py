"""Bag of embeddings over a Zipf vocabulary: most rows are hardly ever looked up."""

import argparse

import torch
from torch import nn

VOCAB, WORDS = 3000, 12


class Bag(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.fc = nn.Linear(dim, 1)

    def forward(self, words):
        return self.fc(self.bag(words)).squeeze(1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

zipf = 1.0 / torch.arange(1, VOCAB + 1).float()
tone = torch.randn(VOCAB)


def documents(n):
    words = torch.multinomial(zipf.expand(n, -1), WORDS, replacement=True)
    return words, (tone[words].mean(1) > 0).float()


model = Bag()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
words, label = documents(6000)
test_words, test_label = documents(1000)
step = 0
for _ in range(4):
    for idx in torch.randperm(len(words)).split(60):
        loss = loss_fn(model(words[idx]), label[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
    with torch.no_grad():
        logits = model(test_words)
        acc = ((logits > 0).float() == test_label).float().mean().item()
    print(
        f"step {step}: loss {loss.item():.4f} test {loss_fn(logits, test_label).item():.4f} acc {acc:.3f}"
    )
