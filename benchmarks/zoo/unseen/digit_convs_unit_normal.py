"""Small CNN on 8x8 digits. The loss starts in the millions, what is wrong with my weights_init?"""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn


def weights_init(m):
    if isinstance(m, (nn.Conv2d, nn.Linear)):
        m.weight.data.normal_(0.0, 1.0)
        m.bias.data.fill_(0)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(16, 32, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(32, 32, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.relu5 = nn.ReLU()
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.relu1(self.conv1(x))
        x = self.pool(self.relu2(self.conv2(x)))
        x = self.relu3(self.conv3(x))
        x = self.relu4(self.conv4(x))
        x = x.flatten(1)
        x = self.relu5(self.fc1(x))
        return self.fc2(x)


def main(seed):
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    digits = load_digits()
    images = torch.from_numpy(digits.images).float().unsqueeze(1) / 16.0
    images = (images - images.mean()) / images.std()
    labels = torch.from_numpy(digits.target).long()

    net = ConvNet()
    net.apply(weights_init)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss_fn = nn.CrossEntropyLoss()
    batch = 64
    for epoch in range(8):
        order = np.random.permutation(len(images))  # noqa: NPY002
        losses, hits = [], 0
        for i in range(0, len(order) - batch, batch):
            idx = order[i : i + batch]
            out = net(images[idx])
            loss = loss_fn(out, labels[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            hits += (out.argmax(1) == labels[idx]).sum().item()
        print(f"[{epoch}] loss {np.mean(losses):.4f} acc {hits / len(order):.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
