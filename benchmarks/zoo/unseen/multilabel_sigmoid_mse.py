"""Multi-label tagging: which of 12 rare events are in the window? Nothing is ever detected."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

N_EVENTS, CHANNELS, T = 12, 6, 20
patterns = torch.randn(N_EVENTS, CHANNELS, 5)


def make_windows(n):
    labels = (torch.rand(n, N_EVENTS) < 0.12).float()
    x = 0.3 * torch.randn(n, CHANNELS, T)
    start = torch.randint(0, T - 5, (n, N_EVENTS))
    rows, events = labels.nonzero(as_tuple=True)
    for r, e in zip(rows.tolist(), events.tolist(), strict=True):
        s = start[r, e]
        x[r, :, s : s + 5] += patterns[e]
    return x, labels


class EventNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(CHANNELS, 48, 5)
        self.conv2 = nn.Conv1d(48, 48, 3)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveMaxPool1d(1)
        self.fc = nn.Linear(48, N_EVENTS)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.pool(self.relu(self.conv2(x))).squeeze(-1)
        return self.sigmoid(self.fc(x))


x, y = make_windows(1200)
model = EventNet()
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
loss_fn = nn.MSELoss(reduction="none")
for epoch in range(14):
    total, found, claimed = 0.0, 0.0, 0.0
    for idx in torch.randperm(len(x)).split(40):
        out = model(x[idx])
        loss = loss_fn(out, y[idx]).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
        found += ((out > 0.5) * y[idx]).sum().item()
        claimed += (out > 0.5).sum().item()
    print(
        f"epoch {epoch} loss {total / len(x):.4f} recall {found / y.sum():.3f} claimed {claimed:.0f}"
    )
