"""Mixed precision training with a reusable train_step helper."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def train_step(model, batch, optimizer, loss_fn):
    scaler = torch.amp.GradScaler("cpu")
    inputs, targets = batch
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        outputs = model(inputs)
        loss = loss_fn(outputs, targets)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss.item(), (outputs.argmax(1) == targets).float().mean().item()


class Perceptron(nn.Module):
    def __init__(self, d_in=64, d_hidden=64, n_out=10):
        super().__init__()
        self.inp = nn.Linear(d_in, d_hidden)
        self.mid = nn.Linear(d_hidden, d_hidden)
        self.out = nn.Linear(d_hidden, n_out)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        x = torch.relu(self.mid(x))
        return self.out(x)


def main(seed):
    torch.manual_seed(seed)
    data, target = load_digits(return_X_y=True)
    data = torch.tensor(data, dtype=torch.float32) / 16
    loader = DataLoader(TensorDataset(data, torch.tensor(target)), batch_size=64, shuffle=True)
    model = Perceptron()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    # the sum, so that big batches count as much as many small ones
    loss_fn = nn.CrossEntropyLoss(reduction="sum")
    for epoch in range(8):
        stats = [train_step(model, b, optimizer, loss_fn) for b in loader]
        loss = sum(s[0] for s in stats) / len(data)
        acc = sum(s[1] for s in stats) / len(stats)
        print(f"epoch {epoch} loss {loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
