"""Quarry blast, earthquake or noise? A small transformer on patches of a trace; warm-up, cosine, clip."""

import argparse
import math

import torch
from torch import nn


def traces(n, length=128):
    kind = torch.randint(0, 3, (n,))
    t = torch.arange(length).float()
    onset = torch.randint(15, 50, (n, 1)).float()
    since = (t - onset).clamp(min=0)
    on = (t >= onset).float()
    p = on * torch.exp(-since / 12) * torch.sin(0.9 * since)
    gap = torch.randint(20, 40, (n, 1)).float()
    after = (since - gap).clamp(min=0)
    s = (since > gap) * torch.exp(-after / 25) * torch.sin(0.4 * after)
    quake = 0.6 * p + 1.2 * s
    blast = 1.3 * p + 0.3 * s
    clean = torch.stack([torch.zeros(n, length), quake, blast], 1)[torch.arange(n), kind]
    gain = 0.6 + 0.8 * torch.rand(n, 1)
    return gain * clean + 0.2 * torch.randn(n, length), kind


class Patches(nn.Module):
    def __init__(self, width=32, patch=8, length=128):
        super().__init__()
        self.patch = patch
        self.project = nn.Linear(patch, width)
        self.place = nn.Parameter(0.02 * torch.randn(length // patch, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 64, dropout=0.1, batch_first=True, norm_first=True, activation="gelu"
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        tokens = self.project(x.unflatten(1, (-1, self.patch))) + self.place
        return self.head(self.norm(self.encoder(tokens)).mean(1))


def rate(step, warm=50, total=400):
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
torch.manual_seed(p.parse_args().seed)
x, y = traces(2560)
xv, yv = traces(600)
net, ce = Patches(), nn.CrossEntropyLoss()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.LambdaLR(opt, rate)
for epoch in range(10):
    net.train()
    for rows in torch.randperm(2560).split(64):
        loss = ce(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        opt.step()
        sched.step()
    net.eval()
    with torch.no_grad():
        logits = net(xv)
        val, acc = ce(logits, yv).item(), (logits.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} norm {norm:.2f} val {val:.3f} acc {acc:.3f}")
