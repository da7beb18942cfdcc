"""Low-rank adapters (B starts at zero) on a pretrained MLP, for a basin with another geology."""

import argparse

import torch
from torch import nn


class LoRALinear(nn.Module):
    def __init__(self, base, rank=4, alpha=8):
        super().__init__()
        self.base = base
        self.base.weight.requires_grad_(False)
        self.base.bias.requires_grad_(False)
        self.lora_a = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scaling = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scaling * (x @ self.lora_a.T) @ self.lora_b.T


def basin(n, shift):
    x = torch.randn(n, 6)
    y = torch.sin(x[:, 0] + shift) + x[:, 1] * torch.tanh(x[:, 2] - shift) + shift * x[:, 3]
    return x, y[:, None]


def fit(model, params, x, y, epochs, lr):
    optimizer = torch.optim.AdamW(params, lr=lr)
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(50):
            loss = nn.functional.mse_loss(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx) / len(x)
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1} loss {total:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    model = nn.Sequential(
        nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
    )
    fit(model, model.parameters(), *basin(1000, 0.0), epochs=12, lr=3e-3)
    for i in (0, 2, 4):
        model[i] = LoRALinear(model[i])
    trainable = [p for p in model.parameters() if p.requires_grad]
    print("adapting", sum(p.numel() for p in trainable), "numbers")
    fit(model, trainable, *basin(1000, 0.8), epochs=16, lr=3e-3)
