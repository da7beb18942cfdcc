"""Read a sequence of symbols and say at its end which one came first."""

import argparse

import torch
from torch import nn


class Recall(nn.Module):
    def __init__(self, symbols=4, hidden=48):
        super().__init__()
        self.embed = nn.Embedding(symbols + 4, 16)
        self.rnn = nn.RNN(16, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, symbols)

    def forward(self, tokens):
        states, _ = self.rnn(self.embed(tokens))
        return self.readout(states[:, -1])


def get_batch(size, length, symbols=4):
    first = torch.randint(0, symbols, (size,))
    rest = torch.randint(symbols, symbols + 4, (size, length - 1))
    return torch.cat([first[:, None], rest], dim=1), first


def train(model, optimizer, iterations, length):
    loss_fn = nn.CrossEntropyLoss()
    recent = []
    for i in range(1, iterations + 1):
        tokens, first = get_batch(32, length)
        scores = model(tokens)
        loss = loss_fn(scores, first)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append((loss.item(), (scores.argmax(1) == first).float().mean().item()))
        if i % 50 == 0:
            mean = torch.tensor(recent[-50:]).mean(0)
            print(f"iteration {i}: loss {mean[0]:.3f}, accuracy {mean[1]:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = Recall()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    train(model, optimizer, iterations=300, length=60)


if __name__ == "__main__":
    main()
