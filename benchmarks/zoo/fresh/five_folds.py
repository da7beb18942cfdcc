"""Five-fold cross-validation on wine: five models, five optimizers, one after the other."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from torch import nn, optim


def make_model():
    return nn.Sequential(nn.Linear(13, 24), nn.SiLU(), nn.Linear(24, 3))


def fit(model, train, val, epochs=12):
    (xt, yt), (xv, yv) = train, val
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-2)
    for _ in range(epochs):
        model.train()
        for idx in torch.randperm(len(xt)).split(16):
            optimizer.zero_grad()
            criterion(model(xt[idx]), yt[idx]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
            loss, acc = criterion(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
    return loss, acc


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    x, y = load_wine(return_X_y=True)
    scores = []
    for fold, (a, b) in enumerate(StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y)):
        mean, std = x[a].mean(0), x[a].std(0)
        z = torch.tensor((x - mean) / std, dtype=torch.float32)
        t = torch.tensor(y)
        scores.append(fit(make_model(), (z[a], t[a]), (z[b], t[b])))
        print("fold {} val loss {:.3f} acc {:.3f}".format(fold, *scores[-1]))
    print("mean", np.round(np.mean(scores, axis=0), 3))
