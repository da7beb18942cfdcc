"""Lithology strings to codes, encoder-decoder. The context is detached: 'it was leaking memory'."""

import argparse

import torch
from torch import nn

SYMBOLS, LENGTH = 12, 6


class Encoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)

    def forward(self, src):
        _, hidden = self.gru(self.embedding(src))
        return hidden


class Decoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 1, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, SYMBOLS)

    def forward(self, start, hidden):
        states, _ = self.gru(self.embedding(start), hidden)
        return self.out(states)


def strings(n):
    src = torch.randint(0, SYMBOLS, (n, LENGTH))
    target = (src.flip(1) + 1) % SYMBOLS
    start = torch.cat([torch.full((n, 1), SYMBOLS), target[:, :-1]], 1)
    return src, start, target


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    encoder, decoder = Encoder(48), Decoder(48)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    for step in range(1, 401):
        src, start, target = strings(64)
        context = encoder(src).detach()
        logits = decoder(start, context)
        loss = criterion(logits.reshape(-1, SYMBOLS), target.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % 40 == 0:
            acc = (logits.argmax(-1) == target).float().mean().item()
            print(f"step {step} loss {loss.item():.3f} acc {acc:.3f} (ln 12 = 2.485)")


if __name__ == "__main__":
    main()
