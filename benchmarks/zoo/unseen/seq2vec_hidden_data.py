"""A GRU encoder feeds an MLP. "Trying to backward through the graph a second time" is fixed now,
but the accuracy is poor.
"""

import argparse

import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden)
        self.gru = nn.GRU(hidden, hidden)

    def forward(self, tokens):
        embedded = self.embedding(tokens.t())
        _, hidden = self.gru(embedded)
        return hidden.squeeze(0)


class Classifier(nn.Module):
    def __init__(self, hidden, classes):
        super().__init__()
        self.linear1 = nn.Linear(hidden, hidden)
        self.relu = nn.ReLU()
        self.linear2 = nn.Linear(hidden, classes)

    def forward(self, h):
        return self.linear2(self.relu(self.linear1(h)))


def brackets(n, length=14):
    """0 '(' , 1 ')', 2..5 letters; the class is the depth at the end, 0..3."""
    tokens = torch.randint(0, 6, (n, length))
    depth = torch.zeros(n, dtype=torch.long)
    for t in range(length):
        step = (tokens[:, t] == 0).long() - (tokens[:, t] == 1).long()
        depth = (depth + step).clamp(0, 3)
    return tokens, depth


def train(seed, iterations=400):
    torch.manual_seed(seed)
    encoder, classifier = Encoder(6, 32), Classifier(32, 4)
    encoder_optimizer = torch.optim.Adam(encoder.parameters(), lr=4e-3)
    classifier_optimizer = torch.optim.Adam(classifier.parameters(), lr=4e-3)
    criterion = nn.CrossEntropyLoss()
    loss_total, hits = 0.0, 0
    for iteration in range(1, iterations + 1):
        tokens, target = brackets(64)
        encoder_optimizer.zero_grad()
        classifier_optimizer.zero_grad()
        context = encoder(tokens).data
        output = classifier(context)
        loss = criterion(output, target)
        loss.backward()
        encoder_optimizer.step()
        classifier_optimizer.step()
        loss_total += loss.item()
        hits += (output.argmax(1) == target).sum().item()
        if iteration % 100 == 0:
            print(f"({iteration}) {loss_total / 100:.4f} accuracy {hits / 6400:.3f}")
            loss_total, hits = 0.0, 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args().seed)
