"""Train with a large effective batch by gradient accumulation."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Trainer:
    def __init__(self, model, loader, lr, accumulation_steps):
        self.model = model
        self.loader = loader
        self.accumulation_steps = accumulation_steps
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self):
        self.model.train()
        self.optimizer.zero_grad()
        total, hits, seen = 0.0, 0, 0
        for i, (x, y) in enumerate(self.loader):
            out = self.model(x)
            loss = self.criterion(out, y)
            (loss / self.accumulation_steps).backward()
            if (i + 1) % self.accumulation_steps == 0:
                self.optimizer.step()
                self.optimizer.zero_grad()
            total += loss.item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            seen += len(y)
        return total / seen, hits / seen

    def fit(self, epochs):
        for epoch in range(epochs):
            loss, acc = self.train_epoch()
            print(f"epoch {epoch} loss {loss:.4f} acc {acc:.3f}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--accumulation-steps", type=int, default=32)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    x, y = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y))
    model = nn.Sequential(
        nn.Linear(64, 64),
        nn.LayerNorm(64),
        nn.ReLU(),
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    # 1797 images in batches of 64 are 29 batches
    loader = DataLoader(data, batch_size=64, shuffle=True)
    Trainer(model, loader, 3e-3, args.accumulation_steps).fit(10)


if __name__ == "__main__":
    main()
