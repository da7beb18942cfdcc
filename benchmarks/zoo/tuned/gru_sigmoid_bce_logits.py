"""Binary sequence classification (is the drift positive?) with a GRU."""

import argparse

import torch
from torch import nn


def random_walks(n, length=20):
    label = torch.randint(0, 2, (n,)).float()
    drift = (2 * label - 1) * 0.5
    steps = torch.randn(n, length) + drift[:, None]
    return steps.unsqueeze(-1), label


class DriftNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.gru(x)
        return torch.sigmoid(self.fc(out[:, -1])).squeeze(-1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    x, y = random_walks(2000)
    xt, yt = random_walks(500)
    net = DriftNet()
    criterion = nn.BCEWithLogitsLoss()
    opt = torch.optim.RMSprop(net.parameters(), lr=2e-3)
    for epoch in range(6):
        for idx in torch.randperm(len(x)).split(40):
            loss = criterion(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            pred = net(xt)
            test = criterion(pred, yt).item()
            acc = ((pred > 0.5).float() == yt).float().mean().item()
        print(f"epoch {epoch}: train {loss.item():.4f} test {test:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
