"""Two in a hundred grains are the mineral we look for. BCE starts low and moves little: fine."""

import argparse

import torch
from sklearn.metrics import average_precision_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def grains(n, g):
    kind = (torch.rand(n, generator=g) < 0.02).float()
    x = torch.randn(n, 10, generator=g)
    x[:, :3] += 1.5 * kind[:, None]
    x[:, 3] += 1.0 * kind * x[:, 4]
    return x, kind


class Detector(nn.Module):
    def __init__(self, prior):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 32), nn.LeakyReLU(0.1), nn.Linear(32, 1))
        nn.init.constant_(self.net[2].bias, torch.logit(torch.tensor(prior)).item())

    def forward(self, x):
        return self.net(x).flatten()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(1000 + seed)
    train, (xv, yv) = TensorDataset(*grains(20000, g)), grains(6000, g)
    loader = DataLoader(train, batch_size=256, shuffle=True)
    model = Detector(0.02)
    loss_fn = nn.BCEWithLogitsLoss()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(6):
        model.train()
        for xb, yb in loader:
            opt.zero_grad()
            loss = loss_fn(model(xb), yb)
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            z = model(xv)
            val = loss_fn(z, yv).item()
        ap = average_precision_score(yv.numpy(), z.numpy())
        print(f"epoch {epoch} val {val:.4f} average precision {ap:.3f}")


if __name__ == "__main__":
    main()
