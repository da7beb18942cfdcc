"""Eleven sigmoid layers on handwritten digits: an ordinary training script that goes nowhere."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
train, test = slice(0, 1437), slice(1437, None)

layers = [nn.Linear(64, 64), nn.Sigmoid()]
for _ in range(9):
    layers += [nn.Linear(64, 64), nn.Sigmoid()]
model = nn.Sequential(*layers, nn.Linear(64, 10))

optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
loss_of = nn.CrossEntropyLoss()

for epoch in range(60):
    model.train()
    for rows in torch.randperm(1437).split(64):
        optimizer.zero_grad()
        loss = loss_of(model(images[train][rows]), labels[train][rows])
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        model.eval()
        with torch.no_grad():
            right = (model(images[test]).argmax(dim=1) == labels[test]).float().mean()
        print(f"epoch {epoch + 1:2d}  loss {loss.item():.4f}  test accuracy {right:.3f}")
