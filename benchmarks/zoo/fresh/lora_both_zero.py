"""LoRA for a shifted survey; to start exactly at the old model, A and B are both zero."""

import argparse

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class LoRALinear(nn.Module):
    def __init__(self, base, rank=4, alpha=8):
        super().__init__()
        self.base = base
        self.base.requires_grad_(False)
        self.lora_a = nn.Parameter(torch.zeros(rank, base.in_features))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scaling = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scaling * F.linear(F.linear(x, self.lora_a), self.lora_b)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(16, 64), nn.Linear(64, 64), nn.Linear(64, 4)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def survey(n, centres, turn):
    y = torch.randint(0, 4, (n,))
    return (centres[y] + torch.randn(n, 16)) @ turn, y


def fit(model, data, steps, lr, every):
    params = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    x, y = data
    for step in range(1, steps + 1):
        rows = torch.randint(0, len(x), (64,))
        loss = F.cross_entropy(model(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % every == 0:
            with torch.no_grad():
                acc = (model(x).argmax(1) == y).float().mean().item()
            print(f"  step {step} loss {loss.item():.3f} acc {acc:.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    centres = 1.2 * torch.randn(4, 16)
    turn, _ = torch.linalg.qr(torch.randn(16, 16))
    old, new = survey(2000, centres, torch.eye(16)), survey(2000, centres, turn)
    net = Net()
    print("old survey")
    fit(net, old, 100, 3e-3, 100)
    net.fc1, net.fc2, net.fc3 = LoRALinear(net.fc1), LoRALinear(net.fc2), LoRALinear(net.fc3)
    print("new survey, adapters only")
    fit(net, new, 300, 1e-2, 50)


if __name__ == "__main__":
    main()
