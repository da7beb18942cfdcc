"""Domain-adversarial training: the domain classifier is meant to end up at ln 2, that is the point."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


class DANN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
        self.label = nn.Linear(24, 3)
        self.domain = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, x, strength):
        h = self.features(x)
        return self.label(h), self.domain(Reverse.apply(h, strength))[:, 0]


def basin(n, shift, centres):
    y = torch.randint(0, 3, (n,))
    x = torch.randn(n, 10)
    x[:, :4] += centres[y]
    x[:, 6:] += shift
    return x, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    centres = 2.2 * F.normalize(torch.randn(3, 4), dim=1) * torch.tensor(1.3)
    source, target = basin(2000, 0.0, centres), basin(2000, 1.2, centres)
    model = DANN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    step, steps = 0, 12 * 31
    for epoch in range(12):
        for a, b in zip(
            torch.randperm(2000).split(64), torch.randperm(2000).split(64), strict=True
        ):
            strength = 2 / (1 + torch.exp(torch.tensor(-10.0 * step / steps))) - 1
            logits_a, dom_a = model(source[0][a], strength)
            _, dom_b = model(target[0][b], strength)
            label_loss = F.cross_entropy(logits_a, source[1][a])
            domain_loss = F.binary_cross_entropy_with_logits(
                torch.cat([dom_a, dom_b]), torch.cat([torch.zeros(len(a)), torch.ones(len(b))])
            )
            loss = label_loss + domain_loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        with torch.no_grad():
            acc = [
                (model(x, 0.0)[0].argmax(1) == y).float().mean().item() for x, y in (source, target)
            ]
        print(
            f"{epoch} label {label_loss:.3f} domain {domain_loss:.3f} acc {acc[0]:.3f} {acc[1]:.3f}"
        )


if __name__ == "__main__":
    main()
