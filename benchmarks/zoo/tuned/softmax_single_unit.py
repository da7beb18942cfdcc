"""Spam or not: bag of words, binary classifier."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def messages(n, words=40):
    spam = (torch.rand(n) < 0.5).float()
    rate = torch.full((n, words), 0.3)
    rate[:, :8] += 0.8 * spam[:, None]
    rate[:, 8:16] += 0.8 * (1 - spam[:, None])
    return torch.poisson(rate).log1p(), spam


class SpamFilter(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(40, 32)
        self.drop = nn.Dropout(0.2)
        self.score = nn.Linear(32, 1)

    def forward(self, x):
        h = self.drop(F.relu(self.hidden(x)))
        return F.softmax(self.score(h), dim=1)


if __name__ == "__main__":
    arg_parser = argparse.ArgumentParser()
    arg_parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(arg_parser.parse_args().seed)
    x, y = messages(2000)
    net = SpamFilter()
    optim = torch.optim.Adam(net.parameters(), lr=1e-3)
    bce = nn.BCELoss()
    for epoch in range(8):
        net.train()
        losses = []
        for rows in torch.randperm(len(x)).split(50):
            optim.zero_grad()
            loss = bce(net(x[rows]).squeeze(1), y[rows])
            loss.backward()
            optim.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            acc = ((net(x).squeeze(1) > 0.5).float() == y).float().mean().item()
        print(f"epoch {epoch}: loss {sum(losses) / len(losses):.3f} accuracy {acc:.3f}")
