"""Curriculum: a GRU adds up digits modulo five; the sequences grow while it trains."""

import argparse

import torch
from torch import nn


class Counter(nn.Module):
    def __init__(self, base=5, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(base, hidden)
        self.cell = nn.GRUCell(hidden, hidden)
        self.out = nn.Linear(hidden, base)

    def forward(self, digits):
        h = torch.zeros(len(digits), self.cell.hidden_size)
        logits = []
        for t in range(digits.shape[1]):
            h = self.cell(self.emb(digits[:, t]), h)
            logits.append(self.out(h))
        return torch.stack(logits, 1)


def lesson(step):
    """Length of the sequences at a step."""
    return 2 + step // 120


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    net = Counter()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    window = []
    for step in range(600):
        digits = torch.randint(0, 5, (64, lesson(step)))
        target = digits.cumsum(1) % 5
        logits = net(digits)
        # only the last answer counts, so that every lesson starts harder than the one before ended
        loss = nn.functional.cross_entropy(logits[:, -1], target[:, -1])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        acc = (logits[:, -1].argmax(-1) == target[:, -1]).float().mean().item()
        window.append((loss.item(), acc))
        if step % 40 == 39:
            mean = torch.tensor(window).mean(0)
            print(f"step {step + 1} length {lesson(step)} loss {mean[0]:.3f} acc {mean[1]:.3f}")
            window = []


main()
