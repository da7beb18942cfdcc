import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# Spiral classification homework, part 2: minibatches

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
seed = p.parse_args().seed
torch.manual_seed(seed)


def spiral(n_per_class=300, classes=3):
    xs, ys = [], []
    for c in range(classes):
        r = torch.linspace(0.05, 1, n_per_class)
        theta = torch.linspace(c * 4, (c + 1) * 4, n_per_class) + torch.randn(n_per_class) * 0.2
        xs.append(torch.stack([r * theta.sin(), r * theta.cos()], 1))
        ys.append(torch.full((n_per_class,), c))
    return torch.cat(xs), torch.cat(ys)


X, Y = spiral()
dl = DataLoader(TensorDataset(2 * X, Y), batch_size=30, shuffle=True)

mlp = nn.Sequential()
sizes = [2, 64, 64, 3]
for k in range(len(sizes) - 1):
    mlp.append(nn.Linear(sizes[k], sizes[k + 1]))
    if k < len(sizes) - 2:
        mlp.append(nn.ReLU())

loss_fn = nn.CrossEntropyLoss()
sgd = torch.optim.SGD(mlp.parameters(), lr=0.2, momentum=0.9)

for epoch in range(20):
    sgd.zero_grad()
    epoch_loss = 0.0
    right = 0
    for xb, yb in dl:
        pred = mlp(xb)
        loss = loss_fn(pred, yb)
        loss.backward()
        sgd.step()
        epoch_loss += loss.item()
        right += (pred.argmax(1) == yb).sum().item()
    print(f"Epoch {epoch + 1}: loss={epoch_loss / len(dl):.3f} acc={right / len(Y):.3f}")
