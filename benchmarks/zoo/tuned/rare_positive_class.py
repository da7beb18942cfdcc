"""One positive in twenty: class weights in a binary problem, accuracy says little."""

import argparse

import torch
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    x, y = make_classification(
        4000,
        n_features=12,
        n_informative=6,
        weights=[0.95],
        class_sep=1.2,
        flip_y=0.0,
        random_state=seed,
    )
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    train = TensorDataset(x[:3000], y[:3000])
    model = nn.Sequential(
        nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)
    )
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(10.0))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(8):
        for xb, yb in DataLoader(train, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            loss = criterion(model(xb).squeeze(1), yb)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            score = model(x[3000:]).squeeze(1)
            ap = average_precision_score(y[3000:].numpy(), score.numpy())
        print(f"epoch {epoch}: loss {loss.item():.4f} average precision {ap:.3f}")


if __name__ == "__main__":
    main()
