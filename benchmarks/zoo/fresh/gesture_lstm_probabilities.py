"""Gestures with a bidirectional LSTM. The model returns probabilities, which is handy for plotting."""

import argparse

import torch
from torch import nn


class GestureNet(nn.Module):
    def __init__(self, channels=4, hidden=32, classes=8):
        super().__init__()
        self.lstm = nn.LSTM(channels, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, classes)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.softmax(self.fc(out.mean(1)))


def gestures(n, shapes):
    kind = torch.randint(0, len(shapes), (n,))
    scale = 0.7 + 0.6 * torch.rand(n, 1, 1)
    return scale * shapes[kind] + 0.5 * torch.randn(n, *shapes.shape[1:]), kind


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    shapes = torch.randn(8, 20, 4).cumsum(1) / 3
    x, y = gestures(1600, shapes)
    xv, yv = gestures(400, shapes)
    net = GestureNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(10):
        net.train()
        for rows in torch.randperm(1600).split(50):
            loss = criterion(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            p = net(xv)
            val, acc = criterion(p, yv).item(), (p.argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.3f} val {val:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
