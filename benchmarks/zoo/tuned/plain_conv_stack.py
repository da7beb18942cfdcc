"""A plain (no skip, no norm) convolutional stack of 16 layers on 8x8 digits."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def get_data(seed):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None]
    x = (x - x.mean()) / x.std()
    ds = TensorDataset(x, torch.tensor(d.target))
    return random_split(ds, [1497, 300], torch.Generator().manual_seed(seed))


def make_net(channels=12, depth=16):
    blocks = [nn.Conv2d(1, channels, 3, padding=1, stride=2), nn.ReLU()]
    for _ in range(depth - 1):
        blocks += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(channels * 16, 10))


@torch.no_grad()
def accuracy(net, ds):
    x, y = ds.dataset.tensors
    return (net(x[ds.indices]).argmax(1) == y[ds.indices]).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    train_set, test_set = get_data(seed)
    net = make_net()
    loss_fn = nn.CrossEntropyLoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    loader = DataLoader(train_set, batch_size=32, shuffle=True)
    for epoch in range(6):
        tot = 0.0
        for x, y in loader:
            opt.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            opt.step()
            tot += loss.item()
        print(f"epoch {epoch} loss {tot / len(loader):.4f} test acc {accuracy(net, test_set):.3f}")


if __name__ == "__main__":
    main()
