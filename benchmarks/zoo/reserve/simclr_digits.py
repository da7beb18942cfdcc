"""SimCLR on small digits: two noisy views of an image attract, all others repel."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 32)
        )
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(32, 16))

    def forward(self, x):
        return F.normalize(self.projector(self.backbone(x)), dim=1)


def augment(x):
    img = x.view(-1, 8, 8)
    shift = int(torch.randint(-1, 2, (1,)))
    img = img.roll(shift, dims=int(torch.randint(1, 3, (1,))))
    keep = (torch.rand_like(img) > 0.1).float()
    return (img * keep + 0.1 * torch.randn_like(img)).flatten(1)


def nt_xent(z1, z2, temperature=0.2):
    n = len(z1)
    z = torch.cat([z1, z2])
    sim = z @ z.T / temperature
    sim.fill_diagonal_(float("-inf"))
    partner = torch.arange(2 * n).roll(n)
    return F.cross_entropy(sim, partner)


@torch.no_grad()
def neighbours_agree(model, x, y):
    model.eval()
    h = F.normalize(model.backbone(x), dim=1)
    model.train()
    sim = h @ h.T
    sim.fill_diagonal_(-1.0)
    return (y[sim.argmax(1)] == y).float().mean().item()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images, dtype=torch.float32) / 16, torch.tensor(labels)
    model = Encoder()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-5)
    for epoch in range(10):
        losses = []
        for rows in torch.randperm(len(x)).split(128):
            loss = nt_xent(model(augment(x[rows])), model(augment(x[rows])))
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        agree = neighbours_agree(model, x, y)
        print(f"epoch {epoch} nt-xent {sum(losses) / len(losses):.3f} 1-NN {agree:.3f}")
