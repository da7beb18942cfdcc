"""Logistic regression on two logs that separate sand from shale without a single error."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)


def logs(n):
    shale = torch.randint(0, 2, (n,))
    gamma = 45 + 70 * shale + 7 * torch.randn(n)
    density = 2.25 + 0.2 * shale + 0.05 * torch.randn(n)
    return torch.stack([(gamma - 80) / 35, (density - 2.35) / 0.1], 1), shale.float()


x, y = logs(4000)
x_val, y_val = logs(4000)
model = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)

for epoch in range(10):
    for rows in torch.randperm(4000).split(100):
        loss = F.binary_cross_entropy_with_logits(model(x[rows])[:, 0], y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        z, zv = model(x)[:, 0], model(x_val)[:, 0]
        train = F.binary_cross_entropy_with_logits(z, y).item()
        val = F.binary_cross_entropy_with_logits(zv, y_val).item()
        acc = ((z > 0) == (y > 0)).float().mean().item()
        val_acc = ((zv > 0) == (y_val > 0)).float().mean().item()
    print(
        f"{epoch} train {train:.5f} {acc:.4f} val {val:.5f} {val_acc:.4f} |w| {model.weight.norm():.2f}"
    )
