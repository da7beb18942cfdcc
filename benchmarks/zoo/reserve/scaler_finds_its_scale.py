"""float16 autocast with a GradScaler that starts very high and needs a few steps to settle."""

import argparse

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    torch.manual_seed(p.parse_args().seed)
    X, t = load_wine(return_X_y=True)
    X, t = torch.tensor(scale(X), dtype=torch.float32), torch.tensor(t)
    net = nn.Sequential(
        nn.Linear(13, 48),
        nn.SiLU(),
        nn.LayerNorm(48),
        nn.Linear(48, 24),
        nn.SiLU(),
        nn.Linear(24, 3),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**21, growth_interval=100)
    skipped = 0
    for epoch in range(30):
        total = 0.0
        for rows in torch.randperm(len(X)).split(16):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.float16):
                loss = nn.functional.cross_entropy(net(X[rows]), t[rows], label_smoothing=0.05)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            scaler.step(optimizer)
            before = scaler.get_scale()
            scaler.update()
            skipped += scaler.get_scale() < before
            total += loss.item() * len(rows)
        if epoch % 3 == 0 or epoch == 29:
            acc = (net(X).argmax(1) == t).float().mean().item()
            print(
                f"epoch {epoch} loss {total / len(X):.4f} acc {acc:.3f} "
                f"scale 2^{torch.tensor(scaler.get_scale()).log2():.0f} skipped {skipped}"
            )


main()
