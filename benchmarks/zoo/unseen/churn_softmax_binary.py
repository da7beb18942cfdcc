"""Will the customer leave? Keras port; in Keras the last layer was Dense(1, activation=...)."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import make_classification
from torch import nn


class ChurnModel(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.dense1 = nn.Linear(n_features, 32)
        self.drop = nn.Dropout(0.2)
        self.dense2 = nn.Linear(32, 16)
        self.dense3 = nn.Linear(16, 1)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        x = self.drop(F.relu(self.dense1(x)))
        x = F.relu(self.dense2(x))
        return self.softmax(self.dense3(x))


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        p = model(x).squeeze(1)
    model.train()
    return ((p > 0.5).float() == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    X, y = make_classification(
        1500, 16, n_informative=8, weights=[0.6], class_sep=1.2, random_state=seed
    )
    X = torch.from_numpy(X).float()
    y = torch.from_numpy(y).float()
    X = (X - X.mean(0)) / X.std(0)

    model = ChurnModel(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    bce = nn.BCELoss()
    for epoch in range(10):
        order = torch.randperm(len(X))
        losses = []
        for batch in order.split(32):
            optimizer.zero_grad()
            loss = bce(model(X[batch]).squeeze(1), y[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        mean = sum(losses) / len(losses)
        print(f"Epoch {epoch}: loss={mean:.4f} accuracy={accuracy(model, X, y):.4f}")


if __name__ == "__main__":
    main()
