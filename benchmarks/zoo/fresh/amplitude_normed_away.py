"""Magnitude class from the peak amplitude of a trace; a LayerNorm over the samples comes first."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)


def traces(n, samples=60):
    magnitude = torch.randint(0, 4, (n,))
    gain = 0.5 * 1.8 ** magnitude.float() * (1 + 0.1 * torch.randn(n))
    t = torch.arange(samples) / 10
    wave = torch.sin(4 * t + 6.28 * torch.rand(n, 1)) * torch.exp(-t / 4)
    shape = wave + 0.3 * torch.randn(n, samples)
    return gain[:, None] * shape, magnitude


class MagnitudeNet(nn.Module):
    def __init__(self, samples=60):
        super().__init__()
        self.norm = nn.LayerNorm(samples, elementwise_affine=False)
        self.fc1 = nn.Linear(samples, 32)
        self.fc2 = nn.Linear(32, 4)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return self.fc2(self.dropout(torch.relu(self.fc1(self.norm(x)))))


train = DataLoader(TensorDataset(*traces(4000)), batch_size=100, shuffle=True)
x_val, y_val = traces(800)
model = MagnitudeNet()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
for epoch in range(8):
    model.train()
    total = 0.0
    for x, y in train:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val = loss_fn(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} loss {total / len(train):.4f} val {val:.4f} acc {acc:.3f} (ln 4 = 1.386)")
