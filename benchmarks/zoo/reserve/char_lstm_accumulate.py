"""Character LSTM on a nursery rhyme, truncated BPTT, micro batches, tight gradient clipping."""

import argparse

import torch
from torch import nn

TEXT = (
    "this is the farmer sowing his corn that kept the cock that crowed in the morn "
    "that waked the priest all shaven and shorn that married the man all tattered and torn "
    "that kissed the maiden all forlorn that milked the cow with the crumpled horn "
) * 6
CHARS = sorted(set(TEXT))
CODE = {c: i for i, c in enumerate(CHARS)}


class CharLSTM(nn.Module):
    def __init__(self, n, hidden=64):
        super().__init__()
        self.emb = nn.Embedding(n, 16)
        self.lstm = nn.LSTM(16, hidden, num_layers=1, batch_first=True)
        self.fc = nn.Linear(hidden, n)
        with torch.no_grad():  # remember by default
            self.lstm.bias_hh_l0[hidden : 2 * hidden].fill_(2.0)

    def forward(self, x, state=None):
        out, state = self.lstm(self.emb(x), state)
        return self.fc(out), state


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--accumulate", type=int, default=4)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    ids = torch.tensor([CODE[c] for c in TEXT])
    model = CharLSTM(len(CHARS))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    criterion = nn.CrossEntropyLoss()
    optimizer.zero_grad()
    shown = 0.0
    for micro in range(1, 4 * 130 + 1):
        start = torch.randint(0, len(ids) - 26, (4,))
        x = torch.stack([ids[s : s + 25] for s in start])
        y = torch.stack([ids[s + 1 : s + 26] for s in start])
        logits, _ = model(x)
        loss = criterion(logits.transpose(1, 2), y) / args.accumulate
        loss.backward()
        shown += loss.item()
        if micro % args.accumulate == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad()
            if micro % (10 * args.accumulate) == 0:
                print(f"update {micro // args.accumulate} loss {shown / 10:.3f}")
                shown = 0.0


main()
