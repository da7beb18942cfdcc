"""Self-distillation (BYOL) on noisy views of digits, with an EMA teacher; then a linear probe."""

import argparse
import copy

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn


def mlp(n_in, hidden, n_out):
    return nn.Sequential(
        nn.Linear(n_in, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, n_out)
    )


class BYOL(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = mlp(64, 96, 32)
        self.predictor = mlp(32, 64, 32)
        self.teacher = copy.deepcopy(self.online)
        for p in self.teacher.parameters():
            p.requires_grad = False

    @torch.no_grad()
    def update_teacher(self, tau=0.98):
        for t, o in zip(self.teacher.parameters(), self.online.parameters(), strict=True):
            t.mul_(tau).add_(o, alpha=1 - tau)

    def forward(self, a, b):
        loss = 0.0
        for u, v in ((a, b), (b, a)):
            p = F.normalize(self.predictor(self.online(u)), dim=1)
            with torch.no_grad():
                z = F.normalize(self.teacher(v), dim=1)
            loss = loss + 2 - 2 * (p * z).sum(1).mean()
        return loss / 2


def view(x):
    keep = (torch.rand_like(x) > 0.25).float()
    return (x + 0.15 * torch.randn_like(x)) * keep


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data, target = load_digits(return_X_y=True)
    x = torch.tensor(data, dtype=torch.float32) / 16
    model = BYOL()
    trainable = [*model.online.parameters(), *model.predictor.parameters()]
    opt = torch.optim.AdamW(trainable, lr=2e-3, weight_decay=1e-4)
    for step in range(1, 301):
        rows = torch.randint(0, len(x), (128,))
        loss = model(view(x[rows]), view(x[rows]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        model.update_teacher()
        if step % 60 == 0 or step == 1:
            print(f"step {step} loss {loss.item():.4f}")
    model.eval()
    with torch.no_grad():
        z = model.online(x).numpy()
    probe = LogisticRegression(max_iter=200).fit(z[:1200], target[:1200])
    print(f"loss {loss.item():.4f} linear probe {probe.score(z[1200:], target[1200:]):.3f}")


if __name__ == "__main__":
    main()
