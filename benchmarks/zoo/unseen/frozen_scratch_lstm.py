"""Sentiment of made-up reviews: embedding + LSTM, recipe copied from a transfer learning tutorial."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

VOCAB, LENGTH = 200, 20


def reviews(n):
    """Words 0..39 praise, 40..79 complain, the rest says nothing; word 80 turns the next one."""
    words = torch.randint(VOCAB, (n, LENGTH))
    words[torch.rand(n, LENGTH) < 0.1] = 80
    value = (words < 40).float() - ((words >= 40) & (words < 80)).float()
    turned = torch.zeros(n, LENGTH)
    turned[:, 1:] = (words[:, :-1] == 80).float()
    score = (value * (1 - 2 * turned)).sum(1)
    return words, (score > 0).long()


class ReviewNet(nn.Module):
    def __init__(self, emb=24, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, emb)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True)
        self.classifier = nn.Linear(hidden, 2)

    def forward(self, words):
        _, (h, _) = self.lstm(self.embedding(words))
        return self.classifier(h[-1])


model = ReviewNet()

# freeze the feature extractor, train the classifier
for param in model.embedding.parameters():
    param.requires_grad = False
for param in model.lstm.parameters():
    param.requires_grad = False

optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
text, label = reviews(3000)

for epoch in range(8):
    correct, total = 0, 0.0
    for idx in torch.randperm(len(text)).split(64):
        logits = model(text[idx])
        loss = criterion(logits, label[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
        correct += (logits.argmax(1) == label[idx]).sum().item()
    print(f"Epoch {epoch + 1}: loss {total / len(text):.4f}, accuracy {correct / len(text):.3f}")
