"""Curriculum: sort-of-hard sums first without, then with ever more noise. The loss rises by plan."""

import argparse

import torch
from torch import nn


class Denoiser(nn.Module):
    """Recover the class of a noisy pattern."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 16, 5, padding=2)
        self.fc1 = nn.Linear(16 * 16, 48)
        self.fc2 = nn.Linear(48, 8)

    def forward(self, x):
        h = nn.functional.max_pool1d(torch.relu(self.conv(x.unsqueeze(1))), 2)
        return self.fc2(torch.relu(self.fc1(h.flatten(1))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    patterns = torch.randn(8, 32)
    model = Denoiser()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    ce = nn.CrossEntropyLoss()

    def batch(noise, n=64):
        y = torch.randint(0, 8, (n,))
        return patterns[y] + noise * torch.randn(n, 32), y

    stages = [0.2, 0.6, 1.0, 1.5, 2.0]
    for stage, noise in enumerate(stages):
        losses = []
        for _ in range(100):
            x, y = batch(noise)
            loss = ce(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            x, y = batch(noise, 1000)
            acc = (model(x).argmax(1) == y).float().mean().item()
        print(f"stage {stage} noise {noise}: loss {sum(losses[-20:]) / 20:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
