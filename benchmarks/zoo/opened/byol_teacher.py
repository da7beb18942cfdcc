"""Self-supervised traces: a student predicts the slow teacher's view (BYOL, no negatives)."""

import argparse
import copy

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def mlp(n_in, hidden, n_out):
    return nn.Sequential(
        nn.Linear(n_in, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, n_out)
    )


def views(base):
    def view():
        gain = 0.8 + 0.4 * torch.rand(len(base), 1)
        return gain * base + 0.3 * torch.randn(base.shape)

    return view(), view()


def byol_loss(p, z):
    return 2 - 2 * F.cosine_similarity(p, z.detach(), dim=-1).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    kinds = torch.randn(6, 32)
    label = torch.randint(0, 6, (1200,))
    data = kinds[label] + 0.5 * torch.randn(1200, 32)
    student = mlp(32, 64, 24)
    predictor = mlp(24, 48, 24)
    teacher = copy.deepcopy(student)
    for p in teacher.parameters():
        p.requires_grad_(False)
    optimizer = torch.optim.Adam([*student.parameters(), *predictor.parameters()], lr=2e-3)
    for step in range(300):
        a, b = views(data[torch.randint(1200, (64,))])
        loss = byol_loss(predictor(student(a)), teacher(b))
        loss = loss + byol_loss(predictor(student(b)), teacher(a))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                slow.lerp_(fast, 0.02)
        if step % 30 == 29:
            print(f"step {step + 1} loss {loss.item():.4f}")
    student.eval()
    with torch.no_grad():
        h = F.normalize(student(data), dim=1)
        near = (h @ h.T - 2 * torch.eye(1200)).argmax(dim=1)
    print("nearest neighbour of the same kind", (label[near] == label).float().mean().item())


if __name__ == "__main__":
    main()
