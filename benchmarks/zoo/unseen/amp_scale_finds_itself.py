"""Float16 autocast with a GradScaler that begins far too high and comes down by itself."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

device = "cpu"


def rings(n):
    """Inside or outside of a wobbly ring in two of four dimensions."""
    x = 1.5 * torch.randn(n, 4)
    angle = torch.atan2(x[:, 1], x[:, 0])
    radius = x[:, :2].norm(dim=1)
    inside = (radius - 1.8 - 0.3 * torch.sin(3 * angle)).abs() < 0.7
    return x, inside.float()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 96)
        self.b = nn.Linear(96, 96)
        self.c = nn.Linear(96, 1)

    def forward(self, x):
        x = F.silu(self.a(x))
        x = F.silu(self.b(x))
        return self.c(x).squeeze(-1)


net = Net().to(device)
optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
scaler = torch.amp.GradScaler(device, init_scale=2.0**24, growth_interval=200)

hits = 0
for step in range(1, 501):
    x, y = rings(128)
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device, dtype=torch.float16):
        logits = net(x)
        loss = F.binary_cross_entropy_with_logits(logits.float(), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    hits += ((logits > 0) == (y > 0.5)).float().mean().item()
    if step % 100 == 0:
        print(f"{step} loss {loss.item():.4f} acc {hits / 100:.3f} scale {scaler.get_scale():.0f}")
        hits = 0
