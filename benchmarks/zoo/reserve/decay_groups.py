"""Small CNN on sklearn digits, AdamW with separate weight decay groups."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(8, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def param_groups(model, wd):
    """No decay for biases and norm layers."""
    decay, no_decay = [], []
    for p in model.parameters():
        if p.ndim == 2:
            decay.append(p)
        elif p.ndim < 2:
            no_decay.append(p)
    return [{"params": decay, "weight_decay": wd}, {"params": no_decay, "weight_decay": 0.0}]


def main(seed):
    torch.manual_seed(seed)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16 - 0.3
    y = torch.tensor(y)
    loader = DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True)
    model = Net()
    opt = torch.optim.AdamW(param_groups(model, 0.01), lr=3e-3)
    crit = nn.CrossEntropyLoss()
    for epoch in range(10):
        total, hits = 0.0, 0
        for xb, yb in loader:
            out = model(xb)
            loss = crit(out, yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(yb)
            hits += (out.argmax(1) == yb).sum().item()
        print(f"epoch {epoch} loss {total / len(y):.4f} acc {hits / len(y):.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
