"""CNN on digits with an init function found on a forum."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def init_weights(m):
    if isinstance(m, (nn.Conv2d, nn.Linear)):
        fan_in = m.weight[0].numel()
        nn.init.constant_(m.weight, 1.0 / fan_in)
        nn.init.zeros_(m.bias)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(12, 24, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.fc1 = nn.Linear(24 * 4, 48)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        out = self.layer2(self.layer1(x))
        out = torch.relu(self.fc1(out.flatten(1)))
        return self.fc2(out)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        acc = (model(x).argmax(1) == y).float().mean().item()
    model.train()
    return acc


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    cfg = parser.parse_args()
    torch.manual_seed(cfg.seed)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 8 - 0.6
    y = torch.tensor(d.target)
    model = ConvNet()
    model.apply(init_weights)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(9):
        running = 0.0
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
        print(f"[{epoch + 1}] loss: {running / len(loader):.3f} acc: {evaluate(model, x, y):.3f}")
