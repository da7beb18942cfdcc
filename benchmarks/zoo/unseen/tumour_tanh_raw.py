"""Benign or malignant? My network does not get better than always answering "benign"."""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

data = load_breast_cancer()
X = torch.tensor(data.data, dtype=torch.float32)
y = torch.tensor(data.target, dtype=torch.float32).unsqueeze(1)

perm = torch.randperm(len(X))
train_idx, test_idx = perm[:450], perm[450:]
train_loader = DataLoader(TensorDataset(X[train_idx], y[train_idx]), batch_size=32, shuffle=True)


class TumourNet(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.layer1 = nn.Linear(n_features, 48)
        self.act1 = nn.Tanh()
        self.layer2 = nn.Linear(48, 24)
        self.act2 = nn.Tanh()
        self.output = nn.Linear(24, 1)

    def forward(self, x):
        x = self.act1(self.layer1(x))
        x = self.act2(self.layer2(x))
        return self.output(x)


model = TumourNet(X.shape[1])
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

for epoch in range(30):
    model.train()
    running_loss = 0.0
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * len(inputs)
    model.eval()
    with torch.no_grad():
        accuracy = ((model(X[test_idx]) > 0).float() == y[test_idx]).float().mean().item()
    if epoch % 5 == 4:
        print(
            f"epoch {epoch + 1}: loss {running_loss / len(train_idx):.4f}, test acc {accuracy:.3f}"
        )
