"""Encoder-decoder with dot attention writes its input backwards. Padding is ignored by the loss."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD, BOS, SYMBOLS = 0, 1, 10


def batch(n, longest=9):
    lengths = torch.randint(3, longest + 1, (n,))
    src = torch.zeros(n, longest, dtype=torch.long)
    out = torch.zeros_like(src)
    for i, k in enumerate(lengths):
        word = torch.randint(2, 2 + SYMBOLS, (k,))
        src[i, :k], out[i, :k] = word, word.flip(0)
    start = torch.cat([torch.full((n, 1), BOS), out[:, :-1]], 1)
    return src, lengths, start, out


class Seq2Seq(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.embed = nn.Embedding(2 + SYMBOLS, d, padding_idx=PAD)
        self.encoder = nn.GRU(d, d, batch_first=True)
        self.decoder = nn.GRU(d, d, batch_first=True)
        self.mix = nn.Linear(2 * d, d)
        self.out = nn.Linear(d, 2 + SYMBOLS)

    def forward(self, src, lengths, start):
        packed = pack_padded_sequence(
            self.embed(src), lengths, batch_first=True, enforce_sorted=False
        )
        states, last = self.encoder(packed)
        states, _ = pad_packed_sequence(states, batch_first=True, total_length=src.shape[1])
        hidden, _ = self.decoder(self.embed(start), last)
        score = hidden @ states.transpose(1, 2) / hidden.shape[-1] ** 0.5
        score = score.masked_fill((src == PAD)[:, None], float("-inf"))
        context = score.softmax(-1) @ states
        return self.out(torch.tanh(self.mix(torch.cat([hidden, context], -1))))


def loss_of(model, src, lengths, start, out):
    logits = model(src, lengths, start)
    loss = F.cross_entropy(logits.flatten(0, 1), out.flatten(), ignore_index=PAD)
    return loss, logits


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
model = Seq2Seq()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
held_out = batch(200)
for step in range(1, 401):
    model.train()
    loss, _ = loss_of(model, *batch(48))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            val, logits = loss_of(model, *held_out)
            real = held_out[-1] != PAD
            acc = (logits.argmax(-1) == held_out[-1])[real].float().mean()
        print(f"step {step} loss {loss.item():.3f} val {val:.3f} token accuracy {acc:.3f}")
