"""Which of twelve minerals are in the sample? Several may be. Spectra are sums of peaks plus noise."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

a = argparse.ArgumentParser()
a.add_argument("--seed", type=int, default=0)
seed = a.parse_args().seed
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

BANDS, MINERALS = 96, 12
axis = np.arange(BANDS)
library = sum(
    np.exp(-0.5 * ((axis - rng.uniform(0, BANDS, (MINERALS, 1))) / rng.uniform(2, 5)) ** 2)
    for _ in range(3)
)


def samples(n):
    present = rng.random((n, MINERALS)) < 0.2
    amount = present * rng.uniform(0.3, 1.2, (n, MINERALS))
    spectra = amount @ library + 0.15 * rng.normal(size=(n, BANDS))
    return torch.tensor(spectra, dtype=torch.float32), torch.tensor(present, dtype=torch.float32)


x, y = samples(4000)
xv, yv = samples(1000)


class SpectraNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 16, 7, stride=2, padding=3)
        self.conv2 = nn.Conv1d(16, 32, 5, stride=2, padding=2)
        self.fc = nn.Linear(32 * 24, MINERALS)

    def forward(self, s):
        h = F.relu(self.conv(s.unsqueeze(1)))
        return self.fc(F.relu(self.conv2(h)).flatten(1))


model = SpectraNet()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
for epoch in range(7):
    model.train()
    for rows in torch.randperm(4000).split(64):
        loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val = F.binary_cross_entropy_with_logits(out, yv).item()
        tp = ((out > 0) & (yv > 0)).sum().item()
        f1 = 2 * tp / ((out > 0).sum() + (yv > 0).sum()).item()
    print(f"epoch {epoch} train {loss.item():.3f} val {val:.3f} micro-F1 {f1:.3f}")
