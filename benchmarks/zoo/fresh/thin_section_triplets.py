"""Metric learning with triplets; by the end most triplets satisfy the margin and give no gradient."""

import argparse

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--margin", type=float, default=0.3)
args = parser.parse_args()
torch.manual_seed(args.seed)

images, kinds = load_digits(return_X_y=True)  # stands in for textures
images = torch.tensor(images / 16, dtype=torch.float32)
kinds = torch.tensor(kinds)
perm = torch.randperm(len(kinds))
base, query = perm[:1400], perm[1400:]


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(64, 128), nn.Linear(128, 64), nn.Linear(64, 16)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.normalize(self.fc3(x), dim=1)


def triplets(n):
    anchor = base[torch.randint(0, len(base), (n,))]
    order = torch.rand(n, len(base))
    same = kinds[anchor][:, None] == kinds[base][None]
    positive = base[(order * same).argmax(1)]
    negative = base[(order * ~same).argmax(1)]
    return anchor, positive, negative


def recall_at_1(net):
    net.eval()
    with torch.no_grad():
        nearest = torch.cdist(net(images[query]), net(images[base])).argmin(1)
    return (kinds[base][nearest] == kinds[query]).float().mean().item()


net = Embedder()
loss_fn = nn.TripletMarginWithDistanceLoss(
    distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), margin=args.margin
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(1, 501):
    net.train()
    a, p, n = triplets(64)
    za, zp, zn = net(images[a]), net(images[p]), net(images[n])
    loss = loss_fn(za, zp, zn)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        active = ((za * zn).sum(1) - (za * zp).sum(1) + args.margin > 0).float().mean()
        print(
            f"step {step} loss {loss.item():.4f} active {active:.2f} recall@1 {recall_at_1(net):.3f}"
        )
