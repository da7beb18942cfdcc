"""Two per cent fraud: focal loss written by hand, output bias set to the prior as in RetinaNet."""

import argparse
import math

import torch
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class FocalLoss(nn.Module):
    def __init__(self, alpha=0.5, gamma=2.0):
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, logits, target):
        p = torch.sigmoid(logits)
        pt = torch.where(target > 0.5, p, 1 - p).clamp(min=1e-6)
        weight = torch.where(target > 0.5, self.alpha, 1 - self.alpha)
        return (-weight * (1 - pt) ** self.gamma * pt.log()).sum() / 16


def build(n_in, prior=0.02):
    model = nn.Sequential(
        nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
    )
    nn.init.normal_(model[-1].weight, std=0.01)
    nn.init.constant_(model[-1].bias, -math.log((1 - prior) / prior))
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    X, y = make_classification(
        8000, 20, n_informative=8, weights=[0.98], flip_y=0.0, class_sep=1.6, random_state=seed
    )
    X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
    y = torch.tensor(y).float()
    loader = DataLoader(TensorDataset(X[:6000], y[:6000]), batch_size=128, shuffle=True)
    model = build(20)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    focal = FocalLoss()
    for epoch in range(12):
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = focal(model(xb).squeeze(1), yb)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 2:
            with torch.no_grad():
                score = model(X[6000:]).squeeze(1)
            ap = average_precision_score(y[6000:], score)
            print(f"epoch {epoch + 1} loss {total / len(loader):.4f} average precision {ap:.3f}")


if __name__ == "__main__":
    main()
