"""Two moons with much noise: 120 rows, a wide network, and a validation loss that is printed and ignored."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import make_moons
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    data, target = make_moons(720, noise=0.45, random_state=seed)
    x, y = torch.tensor(data, dtype=torch.float32), torch.tensor(target)
    x, y, x_val, y_val = x[:120], y[:120], x[120:], y[120:]
    model = nn.Sequential(
        nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2)
    )
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(1, 701):
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                val = F.cross_entropy(model(x_val), y_val)
            model.train()
            print(f"step {step} loss {loss.item():.4f} validation {val.item():.4f}")


if __name__ == "__main__":
    main()
