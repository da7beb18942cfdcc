"""Log facies from well logs. The core table was joined after a sort; rows no longer belong together."""

import argparse

import numpy as np
import torch
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
seed = p.parse_args().seed
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

facies = rng.integers(0, 4, 1600)
centres = rng.normal(scale=1.5, size=(4, 8))
logs = centres[facies] + rng.normal(size=(1600, 8))
depth = rng.uniform(1500, 3200, 1600)
core = facies[np.argsort(depth)]  # sorted by depth; the logs were not

x = torch.tensor((logs - logs.mean(0)) / logs.std(0), dtype=torch.float32)
y = torch.tensor(core)
x_train, y_train, x_val, y_val = x[:600], y[:600], x[600:], y[600:]

net = nn.Sequential(
    nn.Linear(8, 200), nn.ReLU(),
    nn.Linear(200, 200), nn.ReLU(),
    nn.Linear(200, 4),
)  # fmt: skip
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(45):
    net.train()
    losses = []
    for idx in torch.randperm(600).split(40):
        loss = loss_fn(net(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        out = net(x_val)
        val = loss_fn(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
        sure = out.softmax(1).amax(1).mean().item()
    if epoch % 5 == 4:
        print(
            f"{epoch:2d} train {np.mean(losses):.3f} val {val:.3f} acc {acc:.3f} mean p {sure:.3f}"
        )
