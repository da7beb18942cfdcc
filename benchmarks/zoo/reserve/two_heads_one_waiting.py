"""Multi-task network with learned loss weights; the third head is for a later project phase."""

import argparse

import torch
from sklearn.datasets import load_wine
from torch import nn


class MultiTask(nn.Module):
    def __init__(self, n_in=12):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_in, 48), nn.LayerNorm(48), nn.LeakyReLU(0.1))
        self.cultivar = nn.Linear(48, 3)
        self.alcohol = nn.Sequential(nn.Linear(48, 16), nn.Tanh(), nn.Linear(16, 1))
        self.vintage = nn.Linear(48, 5)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.trunk(x)
        return self.cultivar(h), self.alcohol(h).squeeze(1)

    def predict_vintage(self, x):
        return self.vintage(self.trunk(x))


def combine(losses, log_var):
    """Kendall et al. 2018: uncertainty weighting; may become negative."""
    return sum(torch.exp(-s) * v + 0.5 * s for v, s in zip(losses, log_var, strict=True))


def main(seed):
    torch.manual_seed(seed)
    data, cultivar = load_wine(return_X_y=True)
    data = torch.tensor(data, dtype=torch.float32)
    data = (data - data.mean(0)) / data.std(0)
    alcohol, x = data[:, 0], data[:, 1:]
    cultivar = torch.tensor(cultivar)
    net = MultiTask()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(40):
        sums = torch.zeros(3)
        for rows in torch.randperm(len(x)).split(16):
            logits, alc = net(x[rows])
            ce = nn.functional.cross_entropy(logits, cultivar[rows])
            mse = nn.functional.mse_loss(alc, alcohol[rows])
            loss = combine((ce, mse), net.log_var)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sums += torch.tensor([loss.item(), ce.item(), mse.item()]) * len(rows) / len(x)
        if epoch % 5 == 0 or epoch == 39:
            print(f"epoch {epoch} total {sums[0]:.3f} ce {sums[1]:.4f} mse {sums[2]:.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
