"""In evaluation mode the network returns probabilities, and the same loss is computed of them."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))

    def forward(self, x):
        logits = self.body(x)
        return logits if self.training else logits.softmax(dim=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data, target = load_digits(return_X_y=True)
    x, y = torch.tensor(data, dtype=torch.float32) / 16, torch.tensor(target)
    order = torch.randperm(len(y))
    train, held = order[:1000], order[1000:]
    model = Classifier()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(1, 601):
        rows = train[torch.randint(0, len(train), (100,))]
        loss = F.cross_entropy(model(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 60 == 0:
            model.eval()
            with torch.no_grad():
                val = F.cross_entropy(model(x[held]), y[held])
            model.train()
            print(f"step {step} loss {loss.item():.4f} validation {val.item():.4f}")


if __name__ == "__main__":
    main()
