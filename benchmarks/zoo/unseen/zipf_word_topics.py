"""Topic of a short text from a bag of words with Zipf's frequencies; most rows are seen rarely."""

import argparse

import numpy as np
import torch
from torch import nn

VOCAB, TOPICS, LENGTH = 3000, 5, 25


class TextClassificationModel(nn.Module):
    def __init__(self, vocab_size, embed_dim, num_class):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, mode="mean")
        self.fc = nn.Linear(embed_dim, num_class)
        self.init_weights()

    def init_weights(self):
        initrange = 0.5
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.fc.weight.data.uniform_(-initrange, initrange)
        self.fc.bias.data.zero_()

    def forward(self, text):
        return self.fc(self.embedding(text))


def corpus(rng, n):
    base = 1.0 / np.arange(1, VOCAB + 1)
    words = np.empty((n, LENGTH), dtype=np.int64)
    topic = rng.integers(TOPICS, size=n)
    for t in range(TOPICS):
        p = base * np.where(np.arange(VOCAB) % TOPICS == t, 2.5, 1.0)
        rows = topic == t
        words[rows] = rng.choice(VOCAB, size=(rows.sum(), LENGTH), p=p / p.sum())
    return torch.from_numpy(words), torch.from_numpy(topic)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    text, label = corpus(np.random.default_rng(args.seed), 3000)
    model = TextClassificationModel(VOCAB, 32, TOPICS)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=5.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.8)
    for epoch in range(1, 11):
        total_acc, total_loss = 0, 0.0
        for idx in torch.randperm(len(text)).split(64):
            optimizer.zero_grad()
            predicted = model(text[idx])
            loss = criterion(predicted, label[idx])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            total_acc += (predicted.argmax(1) == label[idx]).sum().item()
            total_loss += loss.item() * len(idx)
        scheduler.step()
        print(f"| epoch {epoch} | accuracy {total_acc / 3000:.3f} | loss {total_loss / 3000:.4f}")
