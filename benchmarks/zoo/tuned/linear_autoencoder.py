"""PCA by gradient descent: a linear autoencoder on digits, compared with the exact answer."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

CODE = 8
x = torch.tensor(load_digits().data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std()
singular = torch.linalg.svdvals(x)
optimum = (singular[CODE:] ** 2).sum().item() / x.numel()

model = nn.Sequential(nn.Linear(64, CODE, bias=False), nn.Linear(CODE, 64, bias=False))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

print(f"variance {x.pow(2).mean().item():.4f}, the best {CODE} components leave {optimum:.4f}")
step = 0
for epoch in range(1, 16):
    total = 0.0
    for batch in x[torch.randperm(len(x))].split(60):
        reconstruction = model(batch)
        loss = (reconstruction - batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        step += 1
    if epoch % 3 == 0:
        print(f"epoch {epoch} ({step} steps): {total / len(x):.4f} against {optimum:.4f}")

overlap = torch.linalg.svdvals(
    torch.linalg.qr(model[1].weight.detach())[0].T @ torch.linalg.svd(x)[2][:CODE].T
)
print(f"loss {total / len(x):.4f} optimum {optimum:.4f} overlap {overlap.mean().item():.3f}")
