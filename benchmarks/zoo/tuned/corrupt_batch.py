"""Regress a robot's joint torque; the log file has one broken block of records."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def recordings(n):
    angle = (torch.rand(n, 3) * 2 - 1) * torch.pi
    speed = torch.randn(n, 3)
    torque = torch.sin(angle[:, 0]) + 0.5 * torch.cos(angle[:, 1]) * speed[:, 0]
    torque = torque + 0.2 * speed[:, 2] + 0.05 * torch.randn(n)
    return torch.cat([angle, speed], dim=1), torque.unsqueeze(1)


class TorqueNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 1)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.fc3(self.act(self.fc2(self.act(self.fc1(x)))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = recordings(16000)
    x_test, y_test = recordings(500)
    # the encoder's firmware wrote raw ticks for half a second
    x[9600:9632] *= 4096.0
    loader = DataLoader(TensorDataset(x, y), batch_size=32)
    model = TorqueNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_fn = nn.MSELoss()
    for step, (xb, yb) in enumerate(loader, start=1):
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 or step == 301:
            with torch.no_grad():
                test = loss_fn(model(x_test), y_test).item()
            print(f"step {step}: loss {loss.item():.4f} test {test:.4f}")


if __name__ == "__main__":
    main()
