"""Two towers: a log curve and its word list are pulled together, learnable temperature (CLIP-like)."""

import argparse
import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

LENGTH, WORDS, CONCEPTS = 40, 30, 12


class CurveTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv1d(1, 24, 5, padding=2), nn.GELU(), nn.MaxPool1d(2), nn.Conv1d(24, 32, 5, padding=2),
            nn.GELU(), nn.Flatten(), nn.Linear(32 * LENGTH // 2, dim),
        )  # fmt: skip

    def forward(self, curve):
        return F.normalize(self.convs(curve[:, None]), dim=-1)


class WordTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.bag = nn.EmbeddingBag(WORDS, 48, mode="mean")
        self.proj = nn.Linear(48, dim)

    def forward(self, words):
        return F.normalize(self.proj(self.bag(words)), dim=-1)


class Clip(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.curve, self.words = CurveTower(dim), WordTower(dim)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, curve, words):
        scale = self.logit_scale.clamp(max=math.log(100)).exp()
        return scale * self.curve(curve) @ self.words(words).T


def make_world(gen):
    shapes = torch.randn(CONCEPTS, LENGTH, generator=gen).cumsum(1) / 4
    vocabulary = torch.randn(CONCEPTS, WORDS, generator=gen)

    def pairs(n):
        mix = torch.randn(n, CONCEPTS)
        curve = mix @ shapes / math.sqrt(CONCEPTS) + 0.2 * torch.randn(n, LENGTH)
        words = (mix @ vocabulary).topk(6, dim=1).indices
        return curve, words

    return pairs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    pairs = make_world(torch.Generator().manual_seed(seed))
    model = Clip()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
    test = pairs(64)
    for step in range(1, 401):
        logits = model(*pairs(64))
        target = torch.arange(64)
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 80 == 0:
            with torch.no_grad():
                hit = (model(*test).argmax(1) == target).float().mean()
            print(f"{step} loss {loss.item():.3f} (ln 64 = 4.159) hit {hit:.2f}")


if __name__ == "__main__":
    main()
