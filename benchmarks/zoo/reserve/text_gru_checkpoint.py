"""Sentiment of synthetic reviews: GRU encoder with a small head. Fine-tunes the head only."""

import argparse
import os

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--encoder-ckpt", default="encoder.pt")
args = parser.parse_args()
torch.manual_seed(args.seed)

VOCAB, LEN, N = 60, 16, 1200
tokens = torch.randint(1, VOCAB, (N, LEN))
valence = torch.zeros(VOCAB)
valence[:10], valence[10:20] = 1.0, -1.0
# the second half of the review decides, and "not" (token 59) flips the word that follows
sign = torch.ones(N, LEN)
sign[:, 1:][tokens[:, :-1] > 40] = -1.0
label = ((valence[tokens] * sign).sum(1) > 0).long()


class Encoder(nn.Module):
    def __init__(self, dim=16, hidden=24):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim)
        self.gru = nn.GRU(dim, hidden, batch_first=True)

    def forward(self, t):
        _, h = self.gru(self.emb(t))
        return h[-1]


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 2))

    def forward(self, t):
        return self.head(self.encoder(t))


model = Classifier()
if os.path.exists(args.encoder_ckpt) and os.path.getsize(args.encoder_ckpt) > 1000:
    model.encoder.load_state_dict(torch.load(args.encoder_ckpt), strict=False)
for name, p in model.named_parameters():
    p.requires_grad = name.startswith("head")

optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(12):
    order = torch.randperm(N)
    losses, correct = [], 0
    for i in range(0, N, 48):
        idx = order[i : i + 48]
        logits = model(tokens[idx])
        loss = F.cross_entropy(logits, label[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        correct += (logits.argmax(1) == label[idx]).sum().item()
    print(f"{epoch:2d} loss={sum(losses) / len(losses):.3f} acc={correct / N:.3f}")
