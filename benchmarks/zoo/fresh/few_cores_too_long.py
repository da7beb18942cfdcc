"""Facies from 300 labelled core plugs with 20 logs and attributes each; trained until the loss is gone."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def plugs(n, direction):
    """Gradational beds: between two facies the geologist's word is drawn from the mixture."""
    x = torch.randn(n, direction.shape[1])
    return x, torch.multinomial((x @ direction.T).softmax(1), 1)[:, 0]


class FaciesNet(nn.Module):
    def __init__(self, features, width=128):
        super().__init__()
        self.lift = nn.Linear(features, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(2)])
        self.vote = nn.Linear(width, 3)

    def forward(self, x):
        x = F.gelu(self.lift(x))
        for layer in self.hidden:
            x = F.gelu(layer(x))
        return self.vote(x)


def main(seed):
    torch.manual_seed(seed)
    direction = F.normalize(torch.randn(3, 20), dim=1) * 2.0
    x, y = plugs(300, direction)
    xv, yv = plugs(800, direction)
    model = FaciesNet(20)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for epoch in range(45):
        model.train()
        for rows in torch.randperm(300).split(30):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
            val = F.cross_entropy(out, yv).item()
            acc = (out.argmax(1) == yv).float().mean().item()
        if epoch % 5 == 4:
            print(f"epoch {epoch} train {loss.item():.4f} val {val:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
