"""Virtual sensor: predict a temperature from eight channels of a stream."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

mix = torch.randn(8, 4)
GLITCH = 310 + args.seed % 5


def stream(steps, batch=64):
    """Yield chunks as the logger delivers them."""
    for k in range(steps):
        hidden = torch.randn(batch, 4)
        x = hidden @ mix.T / 2 + 0.1 * torch.randn(batch, 8)
        y = torch.sin(hidden[:, :1]) + 0.5 * hidden[:, 1:2] * hidden[:, 2:3]
        if k == GLITCH:  # the logger restarts and writes its error code
            x = torch.full_like(x, -999.0)
        yield x, y + 0.05 * torch.randn_like(y)


net = nn.Sequential(
    nn.Linear(8, 64),
    nn.SiLU(),
    nn.Linear(64, 64),
    nn.SiLU(),
    nn.Linear(64, 1),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
criterion = nn.MSELoss()
window = []
for step, (x, y) in enumerate(stream(600)):
    loss = criterion(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    window.append(loss.item())
    if len(window) == 60:
        print(f"step {step + 1} mean loss {sum(window) / 60:.4f} worst {max(window):.4f}")
        window.clear()
