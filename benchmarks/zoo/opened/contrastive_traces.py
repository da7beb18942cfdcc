"""InfoNCE on pairs of noisy records of the same source, with a learned temperature."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 16, 7, stride=2), nn.ReLU(), nn.Conv1d(16, 24, 5, stride=2), nn.ReLU()
        )
        self.proj = nn.Linear(24 * 5, 16)
        self.log_temperature = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return F.normalize(self.proj(self.conv(x[:, None]).flatten(1)), dim=1)


def info_nce(a, b, log_t):
    scores = a @ b.T * torch.exp(log_t + 1.5)
    target = torch.arange(len(a))
    return 0.5 * (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)), scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    net = Embedder()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    for step in range(300):
        source = torch.randn(32, 32)
        first = source + 0.6 * torch.randn(32, 32)
        second = source + 0.6 * torch.randn(32, 32)
        loss, scores = info_nce(net(first), net(second), net.log_temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 30 == 29:
            hit = (scores.argmax(1) == torch.arange(32)).float().mean().item()
            print(f"step {step + 1} loss {loss.item():.4f} hits {hit:.2f}")
