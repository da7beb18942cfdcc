"""Fit a noisy curve with a small MLP, own training loop after a long time with Keras."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
np.random.seed(args.seed)  # noqa: NPY002
torch.manual_seed(args.seed)

# data
x = np.random.uniform(-3, 3, size=(1024, 1))  # noqa: NPY002
y = np.sin(2 * x) + 0.3 * x + 0.05 * np.random.randn(*x.shape)  # noqa: NPY002
x = torch.from_numpy(x).float()
y = torch.from_numpy(y).float()


class Regressor(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = torch.nn.Linear(1, 50)
        self.hidden2 = torch.nn.Linear(50, 50)
        self.predict = torch.nn.Linear(50, 1)

    def forward(self, x):
        x = torch.tanh(self.hidden1(x))
        x = torch.tanh(self.hidden2(x))
        return self.predict(x)


net = Regressor()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
batch_size = 64
for epoch in range(40):
    perm = torch.randperm(len(x))
    losses = []
    for i in range(0, len(x), batch_size):
        b = perm[i : i + batch_size]
        prediction = net(x[b])
        loss = F.mse_loss(prediction, y[b])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if (epoch + 1) % 8 == 0:
        print("epoch", epoch + 1, "loss", round(float(np.mean(losses)), 4), "var", y.var().item())
