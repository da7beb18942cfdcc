"""float16 autocast with a gradient scaler that starts far too high and settles in a few steps."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def fields(n):
    x = torch.randn(n, 10)
    y = torch.stack([x[:, :3].sum(1), x[:, 3] * x[:, 4] * 2, x[:, 5:].norm(dim=1) - 1.5], 1)
    return x, y.argmax(dim=1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 48)
        self.b = nn.Linear(48, 48)
        self.c = nn.Linear(48, 3)

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x)))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = fields(1600)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24, growth_interval=2000)
    for epoch in range(6):
        total = 0.0
        for idx in torch.randperm(1280).split(40):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.float16):
                logits = net(x[idx])
            loss = F.cross_entropy(logits.float(), y[idx])
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            total += loss.item() / 32
        with torch.no_grad():
            acc = (net(x[1280:]).argmax(1) == y[1280:]).float().mean().item()
        print(f"epoch {epoch} loss {total:.4f} accuracy {acc:.3f} scale {scaler.get_scale():.0f}")


if __name__ == "__main__":
    main()
