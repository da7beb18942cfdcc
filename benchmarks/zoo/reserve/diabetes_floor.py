"""Disease progression from ten measurements: the usual small regressor on load_diabetes."""

import argparse

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
a = ap.parse_args()
torch.manual_seed(a.seed)

X, y = load_diabetes(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)
perm = torch.randperm(len(X))
train, test = perm[:350], perm[350:]

model = nn.Sequential(
    nn.Linear(10, 32), nn.Dropout(0.2), nn.Tanh(), nn.Linear(32, 8), nn.Tanh(), nn.Linear(8, 1)
)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)

for epoch in range(50):
    model.train()
    shuffled = train[torch.randperm(len(train))]
    losses = []
    for idx in shuffled.split(35):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    if epoch % 5 == 4 or epoch == 0:
        model.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(model(X[test]), y[test]).item()
        print(f"epoch {epoch + 1}: train {sum(losses) / len(losses):.3f} val {val:.3f}")
