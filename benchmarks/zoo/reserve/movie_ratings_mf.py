"""Matrix factorisation with biases on long-tailed ratings: most films are rarely rated."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

USERS, FILMS, FACTORS = 300, 2000, 8


class MatrixFactorization(nn.Module):
    def __init__(self):
        super().__init__()
        self.user = nn.Embedding(USERS, FACTORS)
        self.film = nn.Embedding(FILMS, FACTORS)
        self.user_bias = nn.Embedding(USERS, 1)
        self.film_bias = nn.Embedding(FILMS, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.film.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.film_bias.weight)

    def forward(self, u, f):
        dot = (self.user(u) * self.film(f)).sum(1)
        return 3.5 + dot + self.user_bias(u).squeeze(1) + self.film_bias(f).squeeze(1)


def ratings(rng, n=6000):
    u = rng.integers(0, USERS, n)
    f = np.minimum(rng.zipf(1.3, n) - 1, FILMS - 1)
    taste, style = rng.normal(size=(USERS, 3)), rng.normal(size=(FILMS, 3))
    mood, fame = 0.5 * rng.normal(size=USERS), 0.6 * rng.normal(size=FILMS)
    r = 3.5 + 0.4 * (taste[u] * style[f]).sum(1) + mood[u] + fame[f] + 0.3 * rng.normal(size=n)
    return u, f, r.clip(1, 5).astype("float32")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    u, f, r = (torch.from_numpy(a) for a in ratings(np.random.default_rng(seed)))
    loader = DataLoader(TensorDataset(u, f, r), batch_size=128, shuffle=True)
    model = MatrixFactorization()
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(12):
        sse = 0.0
        for ub, fb, rb in loader:
            loss = nn.functional.mse_loss(model(ub, fb), rb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sse += loss.item() * len(rb)
        print(f"epoch {epoch} rmse {(sse / len(r)) ** 0.5:.3f} (std {r.std():.3f})")


if __name__ == "__main__":
    main()
