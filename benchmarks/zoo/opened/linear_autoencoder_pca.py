"""Principal components by a linear autoencoder: there is no nonlinearity, and none is wanted."""

import argparse

import torch
from torch import nn


class LinearAutoencoder(nn.Module):
    def __init__(self, n=20, k=4):
        super().__init__()
        self.encode = nn.Linear(n, k, bias=False)
        self.decode = nn.Linear(k, n, bias=False)

    def forward(self, x):
        return self.decode(self.encode(x))


def elements(n):
    """Concentrations of twenty elements, driven by four processes."""
    x = torch.randn(n, 4) * torch.tensor([3.0, 2.0, 1.5, 1.0])
    x = x @ torch.randn(4, 20) / 2 + 0.2 * torch.randn(n, 20)
    return x - x.mean(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x = elements(1500)
    model = LinearAutoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(15):
        total = 0.0
        for idx in torch.randperm(1500).split(50):
            loss = nn.functional.mse_loss(model(x[idx]), x[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 30
        if epoch % 2 == 0:
            print(f"epoch {epoch} loss {total:.4f}")
    s = torch.linalg.svdvals(x)
    print("best possible", (s[4:].pow(2).sum() / x.numel()).item())


if __name__ == "__main__":
    main()
