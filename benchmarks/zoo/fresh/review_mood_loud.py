"""Is a field note a complaint? Bag of words, wide MLP, no weight decay. Accuracy still creeps up: go on."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=30)
args = parser.parse_args()
torch.manual_seed(args.seed)

WORDS, LENGTH = 600, 25
tone = 0.55 * torch.randn(WORDS)


def notes(n):
    words = torch.randint(0, WORDS, (n, LENGTH))
    bags = torch.zeros(n, WORDS).scatter_add_(1, words, torch.ones(n, LENGTH))
    return bags, torch.bernoulli(torch.sigmoid(1.2 * tone[words].sum(1))).long()


x, y = notes(1000)
x_val, y_val = notes(1000)


class BagClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WORDS, 256)
        self.fc2 = nn.Linear(256, 256)
        self.out = nn.Linear(256, 2)

    def forward(self, bags):
        h = torch.relu(self.fc1(bags))
        return self.out(torch.relu(self.fc2(h)))


model = BagClassifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
        val_loss = criterion(logits, y_val).item()
        val_acc = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} loss {total / len(x):.4f} val_loss {val_loss:.4f} val_acc {val_acc:.4f}")
