"""Prompt tuning: a pretrained encoder is frozen as a whole, only eight prompt vectors and a head learn."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

VOCAB, LENGTH, WIDTH = 16, 8, 32


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, WIDTH)
        self.pos = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.1)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 64, dropout=0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 1)
        self.lm = nn.Linear(WIDTH, VOCAB)

    def forward(self, ids, prompt=None):
        x = self.embed(ids) + self.pos
        if prompt is not None:
            x = torch.cat([prompt.expand(len(x), -1, -1), x], 1)
        return self.layers(x)


class Prompted(nn.Module):
    def __init__(self, encoder, prompts=8, classes=3):
        super().__init__()
        self.encoder = encoder
        for p in self.encoder.parameters():
            p.requires_grad = False
        self.prompt = nn.Parameter(torch.randn(1, prompts, WIDTH) * 0.5)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, ids):
        return self.head(self.encoder(ids, self.prompt)[:, : self.prompt.shape[1]].mean(1))


def sentences(n):
    """Words of three facies, each with its own favourites; a third of the words is common."""
    facies = torch.randint(0, 3, (n,))
    own = 1 + 4 * facies[:, None] + torch.randint(0, 4, (n, LENGTH))
    common = torch.randint(1, VOCAB, (n, LENGTH))
    return torch.where(torch.rand(n, LENGTH) < 0.35, common, own), facies


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    encoder = Encoder()
    opt = torch.optim.Adam(encoder.parameters(), lr=2e-3)
    for _ in range(250):
        ids, _ = sentences(48)
        hidden = torch.rand(ids.shape) < 0.2
        masked = torch.where(hidden, torch.zeros_like(ids), ids)
        loss = F.cross_entropy(encoder.lm(encoder(masked))[hidden], ids[hidden])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("masked language model", round(loss.item(), 3), "from", 2.773)

    model = Prompted(encoder)
    tuned = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.Adam(tuned, lr=1e-2)
    ids_val, y_val = sentences(300)
    for step in range(1, 251):
        ids, y = sentences(48)
        loss = F.cross_entropy(model(ids), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            with torch.no_grad():
                out = model(ids_val)
                val = F.cross_entropy(out, y_val).item()
                acc = (out.argmax(1) == y_val).float().mean().item()
            print(f"step {step} loss {loss.item():.3f} val {val:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
