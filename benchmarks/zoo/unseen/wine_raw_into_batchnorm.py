"""Wine without any preprocessing: BatchNorm in front does the scaling."""

import argparse

import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

wine = load_wine()
X = torch.tensor(wine.data, dtype=torch.float32)  # proline goes up to 1680
y = torch.tensor(wine.target)
order = torch.randperm(len(X))
train, test = order[:140], order[140:]
loader = DataLoader(TensorDataset(X[train], y[train]), batch_size=20, shuffle=True)

model = nn.Sequential(
    nn.BatchNorm1d(13),
    nn.Linear(13, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Dropout(0.3),
    nn.Linear(32, 3),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)

for epoch in range(40):
    model.train()
    total = 0.0
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
    if epoch % 8 == 7:
        model.eval()
        with torch.no_grad():
            acc = (model(X[test]).argmax(1) == y[test]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {total / len(train):.4f} test accuracy {acc:.3f}")
