"""Three classes of synthetic wines, RMSprop. The accuracy jumps to 1/3 and stays there."""

import argparse

import torch
from sklearn.datasets import make_classification
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
seed = p.parse_args().seed
torch.manual_seed(seed)

X, y = make_classification(
    n_samples=2000, n_features=20, n_informative=10, n_classes=3, class_sep=1.5, random_state=seed
)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor(y).long()

LEARNING_RATE = 0.5
EPOCHS = 12
BATCH = 50

model = nn.Sequential(
    nn.Linear(20, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 3),
)
opt = torch.optim.RMSprop(model.parameters(), lr=LEARNING_RATE)
crit = nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    idx = torch.randperm(len(X))
    total, right = 0.0, 0
    for k in range(0, len(X), BATCH):
        xb, yb = X[idx[k : k + BATCH]], y[idx[k : k + BATCH]]
        opt.zero_grad()
        pred = model(xb)
        loss = crit(pred, yb)
        loss.backward()
        opt.step()
        total += loss.item()
        right += (pred.argmax(1) == yb).sum().item()
    print("Epoch", epoch, "loss", total / (len(X) / BATCH), "accuracy", right / len(X))
