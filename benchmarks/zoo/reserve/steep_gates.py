"""Wine cultivars with a soft decision-rule network: steep sigmoids imitate thresholds."""

import argparse

import torch
from sklearn.datasets import load_wine
from torch import nn


class SoftThreshold(nn.Module):
    """A sigmoid with a slope parameter, so that each unit is nearly a yes/no question."""

    def __init__(self, steepness):
        super().__init__()
        self.steepness = steepness
        self.sigmoid = nn.Sigmoid()

    def forward(self, z):
        return self.sigmoid(self.steepness * z)


class RuleNet(nn.Module):
    def __init__(self, d, steepness=60.0, questions=32, rules=24, classes=3):
        super().__init__()
        self.questions = nn.Linear(d, questions)
        self.gate1 = SoftThreshold(steepness)
        self.rules = nn.Linear(questions, rules)
        self.gate2 = SoftThreshold(steepness)
        self.vote = nn.Linear(rules, classes)

    def forward(self, x):
        q = self.gate1(self.questions(x))
        r = self.gate2(self.rules(q - 0.5))
        return self.vote(r - 0.5)


def parity_labels(x):
    """Three classes from two interacting thresholds, which no single column shows."""
    return ((x[:, 0] > 0) ^ (x[:, 6] > 0)).long() + (x[:, 9] * x[:, 12] > 0).long()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    x = torch.tensor(load_wine().data, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    y = parity_labels(x)
    net = RuleNet(x.shape[1])
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(60):
        total, hits = 0.0, 0
        for rows in torch.randperm(len(x)).split(20):
            out = net(x[rows])
            loss = nn.functional.cross_entropy(out, y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
            hits += (out.argmax(1) == y[rows]).sum().item()
        if epoch % 6 == 0 or epoch == 59:
            print(f"epoch {epoch} loss {total / len(x):.3f} acc {hits / len(x):.3f}")


if __name__ == "__main__":
    main()
