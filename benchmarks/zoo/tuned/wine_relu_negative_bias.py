"""Classify wines with a three-layer ReLU network."""

from argparse import ArgumentParser

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn, optim

ap = ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
torch.manual_seed(ap.parse_args().seed)

features, target = load_wine(return_X_y=True)
features = torch.as_tensor(StandardScaler().fit_transform(features), dtype=torch.float32)
target = torch.as_tensor(target)


class WineNet(nn.Module):
    def __init__(self, n_in, n_classes):
        super().__init__()
        self.fc1 = nn.Linear(n_in, 64)
        self.act1 = nn.ReLU()
        self.fc2 = nn.Linear(64, 64)
        self.act2 = nn.ReLU()
        self.out = nn.Linear(64, n_classes)
        self.reset()

    def reset(self):
        for layer in (self.fc1, self.fc2):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.constant_(layer.bias, -20.0)
        nn.init.xavier_normal_(self.out.weight)

    def forward(self, x):
        x = self.act1(self.fc1(x))
        x = self.act2(self.fc2(x))
        return self.out(x)


net = WineNet(features.shape[1], 3)
loss_fn = nn.CrossEntropyLoss()
optimizer = optim.Adam(net.parameters(), lr=1e-3)

for it in range(300):
    batch = torch.randint(0, len(features), (32,))
    loss = loss_fn(net(features[batch]), target[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (it + 1) % 50 == 0:
        with torch.no_grad():
            logits = net(features)
            full = loss_fn(logits, target).item()
            acc = (logits.argmax(1) == target).float().mean().item()
        print(f"iteration {it + 1}: loss {full:.4f} accuracy {acc:.3f}")
