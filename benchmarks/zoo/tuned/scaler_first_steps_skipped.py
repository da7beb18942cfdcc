"""float16 autocast with the default gradient scaler: the first steps overflow and are skipped."""

import argparse

import torch
from torch import nn


def build():
    return nn.Sequential(
        nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
    )


def field(x):
    return 4 * torch.sin(x[:, :1]) + 3 * x[:, 1:2] * x[:, 2:3]


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)
model = build()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24)
x_test = torch.randn(1000, 6)
y_test = field(x_test)
print(f"variance {y_test.var().item():.3f}")

for step in range(1, 501):
    x = torch.randn(64, 6)
    with torch.autocast("cpu", dtype=torch.float16):
        out = model(x)
        loss = nn.functional.mse_loss(out.float(), field(x))
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
    if step % 100 == 0:
        with torch.no_grad():
            err = nn.functional.mse_loss(model(x_test), y_test).item()
        print(f"step {step} scale {scaler.get_scale():.0f} test error {err:.4f}")
