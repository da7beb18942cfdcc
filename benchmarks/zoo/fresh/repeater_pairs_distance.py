"""Siamese network: are two earthquakes repeaters? Euclidean distance, contrastive loss, shared encoder."""

import argparse

import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 12, 7, stride=2, padding=3)
        self.conv2 = nn.Conv1d(12, 16, 5, stride=2, padding=2)
        self.fc = nn.Linear(16 * 12, 8)

    def forward(self, w):
        h = torch.relu(self.conv1(w))
        h = torch.relu(self.conv2(h))
        return self.fc(h.flatten(1))


def contrastive(za, zb, same, margin=1.0):
    distance = torch.sqrt(((za - zb) ** 2).sum(1))
    near = same * distance**2
    far = (1 - same) * torch.relu(margin - distance) ** 2
    return (near + far).mean()


class Catalogue:
    """Waveforms of families. One event is in the catalogue twice, under two identifiers."""

    def __init__(self, families=20, length=48):
        self.templates = torch.randn(families, length).cumsum(1)
        self.templates /= self.templates.std(1, keepdim=True)

    def pairs(self, n):
        a = torch.randint(0, len(self.templates), (n,))
        same = torch.rand(n) < 0.5
        b = torch.where(
            same, a, (a + torch.randint(1, len(self.templates), (n,))) % len(self.templates)
        )
        wa, wb = (self.templates[i] + 0.3 * torch.randn(n, 48) for i in (a, b))
        twice = same.nonzero()[7, 0]
        wb[twice] = wa[twice]
        return wa[:, None], wb[:, None], same.float()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    torch.manual_seed(p.parse_args().seed)
    catalogue, encoder = Catalogue(), Encoder()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    wa, wb, same = catalogue.pairs(4800)
    for epoch in range(2):
        for i, rows in enumerate(torch.randperm(4800).split(30)):
            loss = contrastive(encoder(wa[rows]), encoder(wb[rows]), same[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if i % 20 == 0:
                print(f"epoch {epoch} batch {i} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
