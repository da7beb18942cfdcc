"""Semi-supervised two moons: a few labels, and consistency with an averaged teacher."""

import argparse
import copy

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import make_moons
from torch import nn


@torch.no_grad()
def ema_update(teacher, student, decay):
    for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
        t.mul_(decay).add_(s, alpha=1 - decay)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    xs, ys = make_moons(1000, noise=0.08, random_state=seed)
    x = torch.tensor(xs, dtype=torch.float32)
    y = torch.tensor(ys)
    labelled = torch.cat([(y == c).nonzero().flatten()[:25] for c in (0, 1)])

    student = nn.Sequential(
        nn.Linear(2, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2)
    )
    teacher = copy.deepcopy(student)
    optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)

    for step in range(600):
        free = torch.randint(0, len(x), (64,))
        noisy = x[free] + 0.05 * torch.randn(64, 2)
        with torch.no_grad():
            target = teacher(x[free] + 0.05 * torch.randn(64, 2)).softmax(1)
        consistency = (student(noisy).softmax(1) - target).pow(2).mean()
        supervised = F.cross_entropy(student(x[labelled]), y[labelled])
        ramp = min(1.0, step / 300)
        loss = supervised + 5.0 * ramp * consistency
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema_update(teacher, student, min(0.99, 1 - 1 / (step + 1)))
        if step % 100 == 0 or step == 599:
            teacher.eval()
            with torch.no_grad():
                acc = (teacher(x).argmax(1) == y).float().mean().item()
            teacher.train()
            print(
                f"{step:4d} ce {supervised.item():.4f} cons {consistency.item():.5f} acc {acc:.3f}"
            )


if __name__ == "__main__":
    main()
