"""Breast cancer with early stopping: keep the weights of the best validation loss."""

import argparse
import copy
import math

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.bad, self.state = patience, math.inf, 0, None

    def __call__(self, loss, model):
        if loss < self.best:
            self.best, self.bad = loss, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad >= self.patience


class Classifier(nn.Module):
    def __init__(self, features, width=32):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(features, width),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(width, width),
            nn.ReLU(),
        )
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        return self.head(self.body(x))[:, 0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    data = load_breast_cancer()
    xa, xb, ya, yb = train_test_split(data.data, data.target, test_size=0.35, random_state=seed)
    mean, std = xa.mean(0), xa.std(0)
    xa, xb = (torch.tensor((x - mean) / std, dtype=torch.float32) for x in (xa, xb))
    ya, yb = (torch.tensor(y, dtype=torch.float32) for y in (ya, yb))

    model = Classifier(30)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
    stopper = EarlyStopping(patience=4)
    for epoch in range(60):
        model.train()
        for idx in torch.randperm(len(xa)).split(16):
            optimizer.zero_grad()
            loss = criterion(model(xa[idx]), ya[idx])
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val = criterion(model(xb), yb).item()
        print(f"epoch {epoch} val_loss {val:.4f}")
        if stopper(val, model):
            print("early stop, best", round(stopper.best, 4))
            break
    model.load_state_dict(stopper.state)
    model.eval()
    with torch.no_grad():
        print("accuracy", ((model(xb) > 0) == yb.bool()).float().mean().item())


if __name__ == "__main__":
    main()
