"""SimCLR in small: two noisy views, NT-Xent, then a linear probe on the frozen encoder."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


def views(x):
    keep = (torch.rand_like(x) > 0.2).float()
    return x * keep + 0.1 * torch.randn_like(x)


def nt_xent(z1, z2, temperature=0.2):
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.t() / temperature
    sim = sim.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    target = torch.cat([torch.arange(n) + n, torch.arange(n)])
    return F.cross_entropy(sim, target)


def probe(encoder, x, y, steps=150):
    encoder.eval()
    with torch.no_grad():
        h = encoder(x)
    linear = nn.Linear(h.shape[1], 10)
    optimizer = torch.optim.Adam(linear.parameters(), lr=0.02)
    for _ in range(steps):
        loss = F.cross_entropy(linear(h[:1200]), y[:1200])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (linear(h[1200:]).argmax(1) == y[1200:]).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x))
    x, y = torch.tensor(x).float()[order] / 16, torch.tensor(y)[order]

    encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
    projector = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
    params = list(encoder.parameters()) + list(projector.parameters())
    optimizer = torch.optim.AdamW(params, lr=2e-3)
    for step in range(1, 301):
        batch = x[torch.randint(len(x), (64,))]
        loss = nt_xent(projector(encoder(views(batch))), projector(encoder(views(batch))))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 60 == 0:
            print(f"step {step} nt-xent {loss.item():.4f}")
    print(f"linear probe accuracy {probe(encoder, x, y):.3f}")


if __name__ == "__main__":
    main()
