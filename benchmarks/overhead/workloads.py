"""The five training runs that are watched: plain PyTorch, synthetic data, seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

BATCHES = 32  # different ones, drawn once and cycled through
LEARNING_RATE = 1e-4  # low: a run that has learnt its data by heart has other numbers in it

Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Workload:
    """A model, its data, and about how much memory a process that trains it takes [MiB]."""

    title: str
    model: Callable[[], nn.Module]
    batch: Callable[[], Batch]
    memory_mib: int

    def build(self) -> tuple[nn.Module, torch.optim.Optimizer, list[Batch]]:
        torch.manual_seed(0)
        model = self.model()
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
        return model, optimizer, [self.batch() for _ in range(BATCHES)]


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def perceptron(layers: int, width: int) -> nn.Module:
    hidden: list[nn.Module] = []
    for _ in range(layers):
        hidden += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width, 10))


class Block(nn.Module):
    """Two convolutions and a way past them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1, self.relu1 = nn.BatchNorm2d(after), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(after), nn.ReLU(inplace=True)
        self.past: nn.Module = nn.Identity()
        if stride > 1:
            self.past = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(h)) + self.past(x))


def residual() -> nn.Module:
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    shapes = [(16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*stem, *(Block(*shape) for shape in shapes), *head)


class Layer(nn.Module):
    """Pre-norm self-attention and a feed-forward net, each with a way past it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.up, self.gelu = nn.Linear(width, 4 * width), nn.GELU()
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        h = self.norm1(x)
        x = x + self.attention(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.down(self.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """A causal language model over 1,000 tokens."""

    def __init__(self, layers: int = 4, width: int = 256, length: int = 128) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(1000, width), nn.Embedding(length, width)
        self.layers = nn.ModuleList(Layer(width, heads=8) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1000, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.tokens(x) + self.places.weight
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        for layer in self.layers:
            h = layer(h, mask)
        return self.head(self.norm(h))


class Recurrent(nn.Module):
    """Width and length were calibrated once for 2.8 ms a step (AMD EPYC, one thread)."""

    length = 100

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.rnn, self.head = nn.RNN(8, width, batch_first=True), nn.Linear(width, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def labelled(classes: int, *shape: int) -> Batch:
    return torch.randn(*shape), torch.randint(classes, shape[:1])


def text() -> Batch:
    tokens = torch.randint(1000, (16, 129))
    return tokens[:, :-1], tokens[:, 1:]


WORKLOADS = {
    "mlp": Workload(
        "MLP 10×256, batch 128", lambda: perceptron(10, 256), lambda: labelled(10, 128, 256), 450
    ),
    "cnn": Workload(
        "ResNet-ish CNN 32×32, batch 64", residual, lambda: labelled(10, 64, 3, 32, 32), 700
    ),
    "transformer": Workload("transformer 4×256, 128 tokens, batch 16", Transformer, text, 1000),
    "100m": Workload(
        "MLP 6×4096, batch 8", lambda: perceptron(6, 4096), lambda: labelled(10, 8, 4096), 2900
    ),
    "rnn": Workload(
        "tiny RNN, 100 time steps",
        Recurrent,
        lambda: labelled(4, 16, Recurrent.length, 8),
        450,
    ),
}
