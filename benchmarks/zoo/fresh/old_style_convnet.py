"""A convolutional network as in the nineties, only deeper: sigmoid after every one of its nine layers."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Sigmoids(nn.Module):
    def __init__(self, channels=12, depth=8):
        super().__init__()
        sizes = [1] + [channels] * depth
        self.convs = nn.ModuleList(
            nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1) for i in range(depth)
        )
        self.pool = nn.AvgPool2d(4)
        self.fc = nn.Linear(channels * 4, 10)

    def forward(self, x):
        for conv in self.convs:
            x = torch.sigmoid(conv(x))
        return self.fc(self.pool(x).flatten(1))


def main(seed):
    torch.manual_seed(seed)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32).view(-1, 1, 8, 8)
    y = torch.tensor(y)
    order = torch.randperm(len(y))
    train, test = order[:1200], order[1200:]
    net = Sigmoids()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(10):
        losses = []
        for rows in train[torch.randperm(1200)].split(60):
            optimizer.zero_grad()
            loss = criterion(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            acc = (net(x[test]).argmax(1) == y[test]).float().mean().item()
        print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f} acc {acc:.3f} (ln 10 = 2.3026)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
