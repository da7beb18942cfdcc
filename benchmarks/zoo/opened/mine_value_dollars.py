"""Predict the yearly value of a mine in dollars from its survey table."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def survey(seed, n=1600):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 9))
    value = 250_000 + 60_000 * x[:, 0] + 40_000 * np.abs(x[:, 1]) - 30_000 * x[:, 2] * x[:, 3]
    value += rng.normal(0, 8_000, n)
    return x.astype(np.float32), value.astype(np.float32)


def main(seed):
    torch.manual_seed(seed)
    x, value = survey(seed)
    data = TensorDataset(torch.from_numpy(x[:1280]), torch.from_numpy(value[:1280]))
    loader = DataLoader(data, batch_size=64, shuffle=True)
    x_val, v_val = torch.from_numpy(x[1280:]), torch.from_numpy(value[1280:])

    model = nn.Sequential(
        nn.Linear(9, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_fn = nn.MSELoss()
    for epoch in range(20):
        model.train()
        for xb, vb in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(xb).squeeze(-1), vb)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            error = model(x_val).squeeze(-1) - v_val
            r2 = 1 - error.pow(2).mean() / v_val.var()
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1} loss {loss.item():.4g} R2 {r2.item():.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
