"""A small student learns digits from a larger teacher: soft targets at T = 4, and the labels."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn

T, ALPHA = 4.0, 0.7


def mlp(width, depth):
    blocks = [nn.Linear(64, width), nn.ReLU()]
    for _ in range(depth - 1):
        blocks += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*blocks, nn.Linear(width, 10))


def distillation(student, teacher, labels):
    soft = F.kl_div(
        F.log_softmax(student / T, 1), F.log_softmax(teacher / T, 1),
        reduction="batchmean", log_target=True,
    )  # fmt: skip
    return ALPHA * T * T * soft + (1 - ALPHA) * F.cross_entropy(student, labels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16.0, dtype=torch.float32), torch.tensor(y)
    shuffled = torch.randperm(len(x))
    a, b = shuffled[:1300], shuffled[1300:]

    teacher = mlp(128, 2)
    opt = torch.optim.Adam(teacher.parameters(), lr=2e-3)
    for _ in range(8):
        for rows in a[torch.randperm(1300)].split(50):
            opt.zero_grad()
            F.cross_entropy(teacher(x[rows]), y[rows]).backward()
            opt.step()
    teacher.eval().requires_grad_(False)
    print("teacher", (teacher(x[b]).argmax(1) == y[b]).float().mean().item())

    student = mlp(20, 1)
    opt = torch.optim.Adam(student.parameters(), lr=5e-3)
    for epoch in range(14):
        student.train()
        for rows in a[torch.randperm(1300)].split(50):
            with torch.no_grad():
                target = teacher(x[rows])
            loss = distillation(student(x[rows]), target, y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        student.eval()
        with torch.no_grad():
            out = student(x[b])
            val = F.cross_entropy(out, y[b]).item()
        acc = (out.argmax(1) == y[b]).float().mean().item()
        print(f"epoch {epoch:2d} kd {loss.item():.3f} val ce {val:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
