"""Digits, small CNN, OneCycle over the whole run, test set after every epoch."""

import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        self.conv2 = nn.Conv2d(24, 48, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(48)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(48 * 4, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        x = self.pool(torch.relu(self.bn2(self.conv2(x))))
        return self.fc(self.drop(x.flatten(1)))


@torch.no_grad()
def evaluate(net, x, y, loss_fn):
    net.eval()
    logits = net(x)
    return loss_fn(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def main(seed, epochs=10, batch=50):
    torch.manual_seed(seed)
    x, y = load_digits(return_X_y=True)
    xtr, xte, ytr, yte = train_test_split(x / 16.0, y, test_size=0.3, random_state=seed, stratify=y)
    xtr = torch.tensor(xtr, dtype=torch.float32).view(-1, 1, 8, 8)
    xte = torch.tensor(xte, dtype=torch.float32).view(-1, 1, 8, 8)
    ytr, yte = torch.tensor(ytr), torch.tensor(yte)
    net, loss_fn = Net(), nn.CrossEntropyLoss()
    steps = epochs * -(-len(xtr) // batch)
    opt = torch.optim.SGD(
        net.parameters(), lr=0.005, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    sched = OneCycleLR(opt, max_lr=0.02, total_steps=steps)
    for epoch in range(epochs):
        net.train()
        for idx in torch.randperm(len(xtr)).split(batch):
            opt.zero_grad(set_to_none=True)
            loss = loss_fn(net(xtr[idx]), ytr[idx])
            loss.backward()
            opt.step()
            sched.step()
        test_loss, acc = evaluate(net, xte, yte, loss_fn)
        print(f"{epoch + 1:2d}/{epochs} train {loss.item():.4f} test {test_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    main(p.parse_args().seed)
