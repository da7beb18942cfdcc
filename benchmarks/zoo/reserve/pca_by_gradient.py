"""A linear autoencoder finds the principal subspace of breast cancer measurements."""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--components", type=int, default=5)
args = parser.parse_args()
torch.manual_seed(args.seed)

X = torch.tensor(load_breast_cancer().data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)


class LinearAutoencoder(nn.Module):
    """Projection and reconstruction without nonlinearity: PCA up to a rotation."""

    def __init__(self, d, k):
        super().__init__()
        self.down = nn.Linear(d, k, bias=False)
        self.up = nn.Linear(k, d, bias=False)

    def forward(self, x):
        return self.up(self.down(x))


model = LinearAutoencoder(X.shape[1], args.components)
optimizer = optim.Adam(model.parameters(), lr=1e-2)
singular = torch.linalg.svdvals(X)
best = (singular[args.components :] ** 2).sum() / X.numel()

for epoch in range(40):
    total = 0.0
    for idx in torch.randperm(len(X)).split(57):
        optimizer.zero_grad()
        loss = (model(X[idx]) - X[idx]).square().mean()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 5 == 0 or epoch == 39:
        print(f"epoch {epoch} loss {total / len(X):.4f} (PCA: {best:.4f})")
