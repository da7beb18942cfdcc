"""Label a set of sensor readings by the one reading whose alarm channel is raised."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class AttentionPool(nn.Module):
    def __init__(self, dim, hidden=32):
        super().__init__()
        self.proj = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, h):
        scores = self.score(torch.tanh(self.proj(h)))
        weights = F.softmax(scores, dim=-1)
        return (weights * h).sum(dim=1)


class SetClassifier(nn.Module):
    def __init__(self, n_in=6, dim=32, n_classes=5):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(n_in, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.pool = AttentionPool(dim)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, n_classes)

    def forward(self, x):
        return self.head(self.norm(self.pool(self.embed(x))))


def make_batch(n, readings=12, n_classes=5):
    values = torch.randn(n, readings, n_classes)
    alarm = torch.zeros(n, readings, 1)
    where = torch.randint(0, readings, (n,))
    alarm[torch.arange(n), where] = 1.0
    label = values[torch.arange(n), where].argmax(-1)
    return torch.cat([values, alarm], -1), label


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = SetClassifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    window = []
    for step in range(1, 501):
        x, y = make_batch(64)
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        window.append([loss.item(), (logits.argmax(1) == y).float().mean().item()])
        if step % 50 == 0:
            mean = torch.tensor(window).mean(0)
            print(f"step {step}  loss {mean[0]:.3f}  acc {mean[1]:.3f}")
            window = []


if __name__ == "__main__":
    main()
