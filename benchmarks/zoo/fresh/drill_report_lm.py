"""Character model of drilling remarks, truncated backpropagation: the state is detached, not lost."""

import argparse
import math
import random

import torch
from torch import nn

SUBJECT = ["drilled", "reamed", "circulated", "tripped out", "ran casing", "cored", "logged"]
WHERE = ["sandstone", "shale", "limestone", "coal", "marl", "chalk"]
HOW = ["no losses", "slight losses", "tight hole", "good returns", "high torque"]


def remarks(rng, characters):
    text = []
    while sum(map(len, text)) < characters:
        top = rng.randrange(800, 4000)
        text.append(
            f"{rng.choice(SUBJECT)} {top}-{top + rng.randrange(5, 90)} m in "
            f"{rng.choice(WHERE)}, {rng.choice(HOW)}.\n"
        )
    return "".join(text)[:characters]


class CharLM(nn.Module):
    def __init__(self, symbols, width=96):
        super().__init__()
        self.embed = nn.Embedding(symbols, 32)
        self.lstm = nn.LSTM(32, width, batch_first=True)
        self.head = nn.Linear(width, symbols)

    def forward(self, x, state=None):
        out, state = self.lstm(self.embed(x), state)
        return self.head(out), state


def streams(ids, rows):
    return ids[: len(ids) // rows * rows].view(rows, -1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    text = remarks(random.Random(seed), 60000)
    alphabet = sorted(set(text))
    ids = torch.tensor([alphabet.index(c) for c in text])
    train, val = streams(ids[:51200], 16), streams(ids[51200:], 4)
    model = CharLM(len(alphabet))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for epoch in range(4):
        model.train()
        state, total, chunks = None, 0.0, 0
        for i in range(0, train.shape[1] - 1, 40):
            x = train[:, i : i + 40]
            y = train[:, i + 1 : i + 41]
            logits, state = model(x[:, : y.shape[1]], state)
            state = tuple(s.detach() for s in state)
            loss = criterion(logits.flatten(0, 1), y.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total, chunks = total + loss.item(), chunks + 1
        model.eval()
        with torch.no_grad():
            logits, _ = model(val[:, :-1])
            val_loss = criterion(logits.flatten(0, 1), val[:, 1:].flatten()).item()
        print(f"epoch {epoch} train {total / chunks:.3f} val ppl {math.exp(val_loss):.2f}")


if __name__ == "__main__":
    main()
