"""Adding problem with a ReLU RNN whose recurrent matrix is orthogonal times a gain."""

import argparse

import torch
from torch import nn


class AddRNN(nn.Module):
    def __init__(self, hidden=40, gain=1.7):
        super().__init__()
        self.rnn = nn.RNN(2, hidden, nonlinearity="relu", batch_first=True)
        self.fc = nn.Linear(hidden, 1)
        nn.init.orthogonal_(self.rnn.weight_hh_l0, gain=gain)
        nn.init.zeros_(self.rnn.bias_hh_l0)
        nn.init.zeros_(self.rnn.bias_ih_l0)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.fc(h[-1]).squeeze(1)


def adding(n, length=40):
    value = torch.rand(n, length)
    mark = torch.zeros(n, length)
    a = torch.randint(0, length // 2, (n,))
    b = torch.randint(length // 2, length, (n,))
    rows = torch.arange(n)
    mark[rows, a] = mark[rows, b] = 1.0
    return torch.stack([value, mark], -1), (value * mark).sum(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = AddRNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for it in range(250):
        x, y = adding(32)
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if it % 25 == 24 or it == 0:
            print(f"iteration {it + 1} mse {sum(losses[-25:]) / len(losses[-25:]):.4g}")
