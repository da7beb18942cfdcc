"""Forecast beside measurement: gains of the gradient in 20-layer chains at initialisation.

    python benchmarks/gains.py [--seeds 5] [--width 256] [--depth 20] [--examples 256]

Each network is recorded for one step as a user's would be, and its ledger read. Theory knows the
activation, the widths and the variance of the weights, nothing of the network that was drawn.
The last column is the distance in standard deviations over initialisations, of the mean over the layers:
theory's is that of one example; a batch varies less. GELU under He has no stable length: there a finite
width drifts away from theory, by 1/width.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

import clinometer
from clinometer.diagnosis.ledger import ledger
from clinometer.theory.gains import expected_chain

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
FILLS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "He": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "Glorot": nn.init.xavier_normal_,
    "LeCun": lambda w: nn.init.normal_(w, std=w.shape[1] ** -0.5),
}
CASES = (
    ("torch default", "relu"), ("He", "relu"), ("torch default", "tanh"), ("Glorot", "tanh"),
    ("torch default", "sigmoid"), ("Glorot", "sigmoid"), ("He", "gelu"),
)  # fmt: skip


def network(init: str, name: str, depth: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, width), ACTIVATIONS[name]()]
    model = nn.Sequential(*layers, nn.Linear(width, 10))
    for layer in model:
        if isinstance(layer, nn.Linear) and init in FILLS:
            FILLS[init](layer.weight)
            nn.init.zeros_(layer.bias)
    return model


def measured(model: nn.Sequential, inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(weight, activation) gains of the hidden layers in one step [decades], deepest last."""
    stepper = torch.optim.SGD(model.parameters(), lr=0.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.clino"
        with clinometer.watch(model, to=path, every=1):
            labels = torch.arange(len(inputs)) % 10
            nn.functional.cross_entropy(model(inputs), labels).backward()
            stepper.step()
        line = next(line for line in ledger(clinometer.read(path))[0] if line.is_weight)
    by_role = {
        role: [line.steps[name][0] for name in line.path if line.roles[name] == role]
        for role in ("weight", "activation")
    }
    return np.array(by_role["weight"][:-1]), np.array(by_role["activation"])  # not the head


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name, default in (("seeds", 5), ("width", 256), ("depth", 20), ("examples", 256)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    print(
        f"{options.depth} layers of {options.width} units, {options.examples} examples, "
        f"{options.seeds} seeds; decades a layer, mean over layers and seeds\n"
    )
    both_columns = f"{'theory measured':>17}"
    print(
        f"{'init':<14}{'activation':<11}{'weight':>17}{'activation':>17}{'both':>17}{'spread':>15}  off by"
    )
    print(f"{'':<25}{both_columns * 3}{'theory  seeds':>15}  spreads")
    for init, name in CASES:
        found = []
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            model = network(init, name, options.depth, options.width)
            found.append(
                [g.mean() for g in measured(model, torch.randn(options.examples, options.width))]
            )
        chain = expected_chain(name, [options.width] * (options.depth + 1), init)
        weight, act = chain.weight[1:].mean(), chain.activation.mean()
        spread = float(np.sqrt((chain.spread**2).sum())) / options.depth
        means = np.array(found)
        both = means.sum(axis=1)
        off = (both.mean() - weight - act) / (spread / options.seeds**0.5)
        print(
            f"{init:<14}{name:<11}{weight:>9.3f}{means[:, 0].mean():>8.3f}{act:>9.3f}"
            f"{means[:, 1].mean():>8.3f}{weight + act:>9.3f}{both.mean():>8.3f}"
            f"{spread:>9.4f}{both.std(ddof=1) if len(both) > 1 else np.nan:>7.4f}{off:>7.1f}"
        )


if __name__ == "__main__":
    main()
