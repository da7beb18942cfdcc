"""PCA by gradient descent: a linear autoencoder should reach the optimum of the SVD."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

x = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
x = x - x.mean(0)
K = 10

singular = torch.linalg.svdvals(x)
optimum = (singular[K:].pow(2).sum() / x.numel()).item()


class LinearAutoencoder(nn.Module):
    def __init__(self, n, k):
        super().__init__()
        self.encode = nn.Linear(n, k, bias=False)
        self.decode = nn.Linear(k, n, bias=False)

    def forward(self, x):
        return self.decode(self.encode(x))


model = LinearAutoencoder(64, K)
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
criterion = nn.MSELoss()
for epoch in range(20):
    for idx in torch.randperm(len(x)).split(64):
        loss = criterion(model(x[idx]), x[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            full = criterion(model(x), x).item()
        print(
            f"epoch {epoch + 1} mse {full:.5f} (SVD {optimum:.5f}, mean only {x.pow(2).mean():.5f})"
        )
