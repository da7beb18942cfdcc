"""Two tasks on digits (which digit, how much ink) with learned task weights; one head is unused."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(64, 64), nn.LeakyReLU(0.1), nn.Linear(64, 48), nn.LeakyReLU(0.1)
        )
        self.digit = nn.Linear(48, 10)
        self.ink = nn.Linear(48, 1)
        self.slant = nn.Linear(48, 1)  # for a later data set
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x, with_slant=False):
        h = self.trunk(x)
        out = {"digit": self.digit(h), "ink": self.ink(h).squeeze(1)}
        if with_slant:
            out["slant"] = self.slant(h).squeeze(1)
        return out


def weighted(losses, log_var):
    return sum(torch.exp(-s) * v + 0.5 * s for v, s in zip(losses, log_var, strict=True))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
    ink = x.sum(1)
    ink = (ink - ink.mean()) / ink.std()
    perm = torch.randperm(len(x))
    tr, te = perm[:1500], perm[1500:]
    model = MultiTask()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        for idx in tr[torch.randperm(len(tr))].split(50):
            out = model(x[idx])
            losses = (F.cross_entropy(out["digit"], y[idx]), F.mse_loss(out["ink"], ink[idx]))
            loss = weighted(losses, model.log_var)
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            out = model(x[te])
            acc = (out["digit"].argmax(1) == y[te]).float().mean().item()
            err = F.mse_loss(out["ink"], ink[te]).item()
        print(f"epoch {epoch}: loss {loss.item():+.3f} digit acc {acc:.3f} ink mse {err:.4f}")


if __name__ == "__main__":
    main()
