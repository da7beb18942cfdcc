"""Is a pipeline leaking? Yes or no from ninety-six sensor readings."""

import argparse

import numpy as np
import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
seed = ap.parse_args().seed
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

N = 2000
X = rng.normal(size=(N, 96)).astype("float32")
w1, w2 = rng.normal(size=(2, 96))
score = X @ w1 + 0.5 * np.abs(X @ w2)
Y = (score > np.median(score)).astype("float32")[:, None]
X, Y = torch.from_numpy(X), torch.from_numpy(Y)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(96, 256)
        self.fc2 = nn.Linear(256, 256)
        self.out = nn.Linear(256, 1)
        for layer in (self.fc1, self.fc2, self.out):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.sigmoid(self.out(x))


net = Detector()
optimizer = torch.optim.SGD(net.parameters(), lr=0.002)
criterion = nn.MSELoss()
n_train = 1600
for epoch in range(15):
    perm = torch.randperm(n_train)
    losses = []
    for i in range(0, n_train, 40):
        b = perm[i : i + 40]
        optimizer.zero_grad()
        loss = criterion(net(X[b]), Y[b])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        ok = ((net(X[n_train:]) > 0.5).float() == Y[n_train:]).float().mean()
    print(f"{epoch:3d} loss {np.mean(losses):.4f} accuracy {ok:.3f}")
