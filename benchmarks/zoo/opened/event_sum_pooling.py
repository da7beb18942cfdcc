"""Tell three kinds of seismic events apart from one trace of 256 samples."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)


def make_traces(n):
    t = torch.arange(256) / 100.0
    kind = torch.randint(0, 3, (n,))
    freq = torch.tensor([3.0, 7.0, 15.0])[kind] * (1 + 0.1 * torch.randn(n))
    onset = 0.3 + 0.5 * torch.rand(n)
    dt = (t[None] - onset[:, None]).clamp(min=0)
    wave = torch.exp(-1.5 * dt) * torch.sin(2 * torch.pi * freq[:, None] * dt)
    wave = wave + 0.15 * torch.randn(n, 256)
    wave = (wave - wave.mean(1, keepdim=True)) / wave.std(1, keepdim=True)
    return wave[:, None], kind


class EventNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 9, padding=4),
            nn.ReLU(),
            nn.Conv1d(16, 32, 9, padding=4),
            nn.ReLU(),
        )
        self.fc = nn.Linear(32, 32)
        self.squash = nn.Tanh()
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        pooled = self.features(x).sum(dim=2)
        return self.head(self.squash(self.fc(pooled)))


x, y = make_traces(1200)
xt, yt = make_traces(300)
net = EventNet()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(5):
    total = 0.0
    order = torch.randperm(len(x))
    for idx in order.split(40):
        opt.zero_grad()
        loss = loss_fn(net(x[idx]), y[idx])
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    with torch.no_grad():
        acc = (net(xt).argmax(1) == yt).float().mean().item()
    print(f"epoch {epoch} loss {total / len(x):.4f} test accuracy {acc:.3f}")
