"""Activity recognition from an accelerometer, temporal convolutions. The loss sits at ln 5."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def windows(n, length=64):
    kind = torch.randint(0, 5, (n,))
    t = torch.arange(length) / 16
    freq = torch.tensor([0.4, 0.8, 1.3, 1.9, 2.6])[kind][:, None, None]
    phase = 6.28 * torch.rand(n, 3, 1)
    x = torch.sin(6.28 * freq * t + phase) * (0.5 + torch.rand(n, 3, 1))
    return x + 0.4 * torch.randn(n, 3, length), kind


class TemporalBlock(nn.Module):
    def __init__(self, cin, cout, dilation):
        super().__init__()
        self.conv = nn.Conv1d(cin, cout, 3, padding=dilation, dilation=dilation)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = windows(1600)
    xv, yv = windows(400)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    net = nn.Sequential(
        TemporalBlock(3, 32, 1),
        TemporalBlock(32, 32, 2),
        TemporalBlock(32, 32, 4),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(32, 5),
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.5)
    for epoch in range(10):
        net.train()
        running = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item()
        net.eval()
        with torch.no_grad():
            out = net(xv)
            acc = (out.argmax(1) == yv).float().mean().item()
        print(
            f"epoch {epoch} loss {running / len(loader):.3f} val {criterion(out, yv):.3f} acc {acc:.3f}"
        )


if __name__ == "__main__":
    main()
