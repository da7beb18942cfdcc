"""Forecast beside measurement: the gradient through plain chains at initialisation, up to 50 layers deep.

    python benchmarks/forecast.py [--seeds 5] [--depth 50] [--width 256] [--channels 64] [--examples 32]

Each network is drawn anew and given to `clinometer.forecast`, which knows of it only the activation, the
sizes, the variance of its weights and the batch. `off` is measured less forecast, over the whole chain, in
decades: its mean over seeds, the largest of any seed, and the same forecast from the lengths that the
network was seen to have. `sd` is the spread of the measurement over seeds, `told` what the forecast says of
it.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import clinometer
from clinometer.records.forecast import Forecast

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
FILLS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "torch default": None,
    "Glorot": nn.init.xavier_normal_,
    "He": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
}
WITHIN = 0.3  # decades: the goal
IMAGE = 8


def linear_chain(activation: Callable[[], nn.Module], depth: int, width: int) -> nn.Sequential:
    layers = [part for _ in range(depth) for part in (nn.Linear(width, width), activation())]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def convolution_chain(
    activation: Callable[[], nn.Module], depth: int, channels: int
) -> nn.Sequential:
    layers = [
        part
        for i in range(depth)
        for part in (nn.Conv2d(channels if i else 3, channels, 3, padding=1), activation())
    ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * IMAGE**2, 10))


def forecasts(kind: str, name: str, init: str, options: argparse.Namespace) -> list[Forecast]:
    found = []
    for seed in range(options.seeds):
        torch.manual_seed(seed)
        if kind == "linear":
            model = linear_chain(ACTIVATIONS[name], options.depth, options.width)
            inputs = torch.randn(options.examples, options.width)
        else:
            model = convolution_chain(ACTIVATIONS[name], options.depth, options.channels)
            inputs = torch.randn(options.examples, 3, IMAGE, IMAGE)
        fill = FILLS[init]
        for parameter in model.parameters():
            if fill is not None and parameter.ndim > 1:
                fill(parameter)
            elif fill is not None:
                nn.init.zeros_(parameter)
        found.append(clinometer.forecast(model, inputs, inits=False))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    sizes = {"seeds": 5, "depth": 50, "width": 256, "channels": 64, "examples": 32}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    begun = time.perf_counter()
    print(
        f"{options.depth} layers, linear of {options.width} units, 3 x 3 convolutions of {options.channels} "
        f"channels on {IMAGE} x {IMAGE}; {options.examples} examples, {options.seeds} seeds; decades\n"
    )
    print(f"{'chain':<9}{'init':<15}{'activation':<11}{'forecast':>9}{'measured':>10}{'sd':>7}{'told':>7}"
          f"{'off':>8}{'worst':>7}{'by lengths':>12}{'worst':>7}")  # fmt: skip
    means, singles = [], []
    for kind, init, name in itertools.product(("linear", "conv"), FILLS, ACTIVATIONS):
        found = forecasts(kind, name, init, options)
        told, seen, held = np.array(
            [(one.expected, one.measured, one.at_seen_lengths) for one in found]
        ).T
        off, by_lengths = seen - told, seen - held
        means.append(abs(off.mean()))
        singles += abs(off).tolist()
        print(
            f"{kind:<9}{init:<15}{name:<11}{told.mean():>9.2f}{seen.mean():>10.2f}{seen.std(ddof=1):>7.2f}"
            f"{found[0].spread:>7.2f}{off.mean():>+8.3f}{abs(off).max():>7.2f}{by_lengths.mean():>+12.3f}"
            f"{abs(by_lengths).max():>7.2f}",
            flush=True,
        )
    within = sum(one <= WITHIN for one in means)
    each = sum(one <= WITHIN for one in singles)
    print(
        f"\nwithin {WITHIN} decades: {within} of {len(means)} chains by the mean over seeds, {each} of "
        f"{len(singles)} single networks; {time.perf_counter() - begun:.0f} s"
    )


if __name__ == "__main__":
    main()
