"""How deep can a plain network be? Twenty ReLU layers on the digits."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class DeepNet(nn.Module):
    def __init__(self, depth=20, width=40):
        super().__init__()
        self.first = nn.Linear(64, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 2))
        self.last = nn.Linear(width, 10)

    def forward(self, x):
        x = F.relu(self.first(x))
        for layer in self.hidden:
            x = F.relu(layer(x))
        return self.last(x)


def loaders(batch_size, seed):
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    y = torch.tensor(digits.target)
    gen = torch.Generator().manual_seed(seed)
    ds = torch.utils.data.TensorDataset(x, y)
    return torch.utils.data.DataLoader(ds, batch_size, shuffle=True, generator=gen)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    net = DeepNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.005, momentum=0.9)
    train = loaders(64, seed)
    for epoch in range(9):
        mean, acc = 0.0, 0.0
        for x, y in train:
            out = net(x)
            loss = F.cross_entropy(out, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean += loss.item() / len(train)
            acc += (out.argmax(1) == y).float().mean().item() / len(train)
        print(f"epoch {epoch}: loss {mean:.4f} acc {acc:.3f}")


main()
