"""A third of the training labels were clicked wrongly; the network learns the clicks by heart."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

cli = argparse.ArgumentParser()
cli.add_argument("--seed", type=int, default=0)
torch.manual_seed(cli.parse_args().seed)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
order = torch.randperm(len(y))
x, y = x[order], y[order]
clicked = torch.where(torch.rand(len(y)) < 0.35, torch.randint(0, 10, (len(y),)), y)
loader = DataLoader(TensorDataset(x[:1100], clicked[:1100]), batch_size=50, shuffle=True)
x_val, y_val = x[1100:], y[1100:]  # checked twice by the professor

model = nn.Sequential(
    nn.Linear(64, 256),
    nn.BatchNorm1d(256),
    nn.ReLU(),
    nn.Linear(256, 256),
    nn.ReLU(),
    nn.Linear(256, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(28):
    model.train()
    right, running = 0, 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
        right += (outputs.argmax(1) == labels).sum().item()
    model.eval()
    with torch.no_grad():
        outputs = model(x_val)
        val = criterion(outputs, y_val).item()
        acc = (outputs.argmax(1) == y_val).float().mean().item()
    print(
        f"{epoch:2d} loss {running / len(loader):.3f} acc {right / 1100:.3f} val {val:.3f} acc {acc:.3f}"
    )
