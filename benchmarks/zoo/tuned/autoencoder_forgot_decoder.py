"""Autoencoder of two modules, trained on digits."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, code)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.fc1 = nn.Linear(code, 48)
        self.fc2 = nn.Linear(48, 64)

    def forward(self, z):
        return self.fc2(torch.tanh(self.fc1(z)))


class Model(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.encoder = Encoder(code)
        self.decoder = Decoder(code)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    data, _ = load_digits(return_X_y=True)
    data = torch.tensor(data, dtype=torch.float32)
    data = (data - data.mean(0)) / data.std()
    data = data[torch.randperm(len(data))]
    train, test = data[:1500], data[1500:]
    model = Model()
    optimizer = torch.optim.Adam(model.encoder.parameters(), lr=2e-3)
    print(f"variance {test.var(0).mean().item():.4f}")
    for epoch in range(12):
        for batch in train[torch.randperm(len(train))].split(50):
            loss = ((model(batch) - batch) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            test_loss = ((model(test) - test) ** 2).mean().item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1}: train {loss.item():.4f} test {test_loss:.4f}")


if __name__ == "__main__":
    main()
