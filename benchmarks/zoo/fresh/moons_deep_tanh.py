"""Two moons that overlap a little; four hidden layers, tanh. Val is a touch above train in the end."""

import argparse

import torch
from sklearn.datasets import make_moons
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", default=0, type=int)
seed = parser.parse_args().seed
torch.manual_seed(seed)

x, y = make_moons(1800, noise=0.25, random_state=seed)
x, y = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
x_train, y_train, x_val, y_val = x[:1200], y[:1200], x[1200:], y[1200:]

layers = [nn.Linear(2, 32), nn.Tanh()]
for _ in range(3):
    layers += [nn.Linear(32, 32), nn.Tanh()]
layers += [nn.Linear(32, 2)]
model = nn.Sequential(*layers)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)

history = {"train": [], "val": [], "acc": []}
for epoch in range(25):
    model.train()
    perm = torch.randperm(1200)
    epoch_loss = 0.0
    for i in range(0, 1200, 60):
        idx = perm[i : i + 60]
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
        history["val"].append(criterion(logits, y_val).item())
        history["acc"].append((logits.argmax(1) == y_val).float().mean().item())
    history["train"].append(epoch_loss / 20)
    if epoch % 4 == 0:
        print(epoch, {k: round(v[-1], 4) for k, v in history.items()})
print("end", {k: round(v[-1], 4) for k, v in history.items()})
