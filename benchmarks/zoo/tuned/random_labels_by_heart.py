"""The labels of a table were joined on the wrong key: nothing to learn, and all of it learned."""

import argparse

import torch
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x = torch.randn(800, 30)
    y = (x[:, :5].sum(1) > 0).long()
    y = y[torch.randperm(len(y))]  # the wrong key
    x, y, x_val, y_val = x[:300], y[:300], x[300:], y[300:]
    model = nn.Sequential(nn.Linear(30, 256), nn.ReLU(), nn.Linear(256, 1))
    criterion = nn.BCEWithLogitsLoss()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(120):
        for rows in torch.randperm(len(x)).split(100):
            loss = criterion(model(x[rows])[:, 0], y[rows].float())
            opt.zero_grad()
            loss.backward()
            opt.step()
        model.eval()
        with torch.inference_mode():
            val = criterion(model(x_val)[:, 0], y_val.float())
        model.train()
        if epoch % 20 == 19:
            print(f"epoch {epoch + 1} loss {loss.item():.4f} validation {val.item():.4f}")


if __name__ == "__main__":
    main()
