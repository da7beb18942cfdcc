"""Training rows are standardised; the validation loader forgot to, and its units are a hundredth."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_breast_cancer
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data, target = load_breast_cancer(return_X_y=True)
    raw = torch.tensor(data, dtype=torch.float32)
    x, y = (raw - raw.mean(0)) / raw.std(0), torch.tensor(target).float()
    order = torch.randperm(len(y))
    train, held = order[:300], order[300:]
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 1))
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(1, 401):
        rows = train[torch.randint(0, len(train), (50,))]
        loss = F.binary_cross_entropy_with_logits(model(x[rows])[:, 0], y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 40 == 0:
            with torch.no_grad():
                val = F.binary_cross_entropy_with_logits(model(raw[held])[:, 0], y[held])
            print(f"step {step} loss {loss.item():.4f} validation {val.item():.4f}")


if __name__ == "__main__":
    main()
