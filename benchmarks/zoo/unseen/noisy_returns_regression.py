"""Daily returns from ten signals: nearly everything is noise, and that is known."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

n, d = 6000, 10
signals = torch.randn(n, d)
beta = torch.randn(d)
beta = 0.45 * beta / beta.norm()
returns = signals @ beta + torch.randn(n)

loader = DataLoader(TensorDataset(signals[:5000], returns[:5000]), batch_size=100, shuffle=True)
test_x, test_y = signals[5000:], returns[5000:]

model = nn.Sequential(nn.Linear(d, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
huber = nn.HuberLoss(delta=3.0)

for epoch in range(12):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = huber(model(x).squeeze(-1), y)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        pred = model(test_x).squeeze(-1)
        r2 = 1 - (pred - test_y).pow(2).mean() / test_y.var()
    print(f"epoch {epoch:2d} train {total:.4f} out-of-sample R2 {r2:.3f}")
