"""A second hospital numbers its diagnoses from one; the validation set comes from there."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_wine
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data, target = load_wine(return_X_y=True)
    x = torch.tensor((data - data.mean(0)) / data.std(0), dtype=torch.float32)
    y = torch.tensor(target)
    order = torch.randperm(len(y))
    train, held = order[:90], order[90:]
    other = (y + 1) % 3  # the same patients, another numbering
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(1, 301):
        rows = train[torch.randint(0, len(train), (30,))]
        loss = F.cross_entropy(model(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 30 == 0:
            with torch.no_grad():
                logits = model(x[held])
                val = F.cross_entropy(logits, other[held])
                right = (logits.argmax(1) == other[held]).float().mean()
            print(f"step {step} loss {loss.item():.4f} validation {val.item():.4f} {right:.1%}")


if __name__ == "__main__":
    main()
