"""A character model of a made-up stratigraphic column; input and output embeddings are tied."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

RULES = ["sand|clay|", "clay|coal|", "coal|clay|sand|", "lime|marl|", "marl|lime|sand|"]


def corpus(gen, n=1500):
    text = "".join(RULES[int(torch.randint(len(RULES), (1,), generator=gen))] for _ in range(n))
    letters = sorted(set(text))
    return torch.tensor([letters.index(c) for c in text]), len(letters)


class TiedLM(nn.Module):
    def __init__(self, vocab, dim=48):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.decoder = nn.Linear(dim, vocab, bias=False)
        self.decoder.weight = self.emb.weight
        nn.init.normal_(self.emb.weight, 0.0, 0.1)

    def forward(self, tokens):
        h, _ = self.gru(self.emb(tokens))
        return self.decoder(h)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed)
    data, vocab = corpus(gen)
    model = TiedLM(vocab)
    opt = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(250):
        start = torch.randint(len(data) - 33, (16,), generator=gen)
        batch = torch.stack([data[s : s + 33] for s in start.tolist()])
        logits = model(batch[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 25 == 24:
            print(f"step {step + 1} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
