"""How often `clinometer diff` tells two runs apart: healthy ones of other seeds, and ones with one change.

    python benchmarks/difference.py [--seeds 8] [--steps 300] [--every 10]

Healthy: the same script with another seed for weights, data order and labels' noise, in disjoint pairs and in
all pairs. Changed: a factor is changed at the start, or at half of the run, and the seed is kept or not. A
pair is a false alarm if any factor of any layer is called changed. Intervals are Clopper-Pearson's, 95 %.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from scipy.stats import beta
from torch import nn

import clinometer
from clinometer.diagnosis.diagnosis import Diagnosis


def mlp() -> nn.Module:
    layers = [part for _ in range(4) for part in (nn.Linear(32, 32), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(32, 5))


def tanh_mlp() -> nn.Module:
    layers = [part for _ in range(6) for part in (nn.Linear(32, 32), nn.Tanh())]
    return nn.Sequential(*layers, nn.Linear(32, 5))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (2, 4, 4)), nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 5),
    )  # fmt: skip


MODELS = {"relu": mlp, "tanh": tanh_mlp, "cnn": cnn}
OPTIMIZERS = {
    "SGD": lambda model: torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    "Adam": lambda model: torch.optim.Adam(model.parameters(), lr=2e-3),
}
Change = Callable[[nn.Module, torch.optim.Optimizer], None]


def run(
    folder: Path, model: str, optimizer: str, seed: int, steps: int, every: int,
    change: Change | None = None, at: int = 0,
) -> Diagnosis:  # fmt: skip
    """Train one small network on blobs, and diagnose."""
    torch.manual_seed(seed)
    net = MODELS[model]()
    stepper = OPTIMIZERS[optimizer](net)
    centres = torch.randn(5, 32, generator=torch.Generator().manual_seed(99))
    path = folder / f"{model}-{optimizer}-{seed}-{at}-{change is not None}.clino"
    if path.exists():
        path.unlink()
    with clinometer.watch(net, to=path, every=every):
        for step in range(steps):
            if change is not None and step == at:
                change(net, stepper)
            labels = torch.randint(0, 5, (64,))
            inputs = centres[labels] + 1.5 * torch.randn(64, 32)
            stepper.zero_grad()
            nn.functional.cross_entropy(net(inputs), labels).backward()
            stepper.step()
    return clinometer.diagnose(clinometer.read(path))


def slower(net: nn.Module, stepper: torch.optim.Optimizer) -> None:
    for group in stepper.param_groups:
        group["lr"] /= 10


def shrunk(net: nn.Module, stepper: torch.optim.Optimizer) -> None:
    with torch.no_grad():
        next(p for p in net[2:].parameters() if p.ndim > 1).div_(10)


CHANGES = {"rate / 10": (slower, "optimizer"), "one weight / 10": (shrunk, "weight")}


def interval(hits: int, n: int) -> str:
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{hits}/{n} ({100 * low:.1f} to {100 * high:.1f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name, default in (("seeds", 8), ("steps", 300), ("every", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    totals = [0, 0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(
            f"{'model':<7}{'optimizer':<11}false alarms: disjoint pairs, all pairs; what was called"
        )
        healthy = {}
        for model, optimizer in itertools.product(MODELS, OPTIMIZERS):
            runs = [
                run(folder, model, optimizer, seed, options.steps, options.every)
                for seed in range(options.seeds)
            ]
            healthy[model, optimizer] = runs
            found = {
                (i, j): clinometer.diff(runs[i], runs[j])
                for i, j in itertools.combinations(range(len(runs)), 2)
            }
            called = {key: one for key, one in found.items() if one.changes or one.zero}
            disjoint = [(i, i + 1) for i in range(0, len(runs) - 1, 2)]
            hits = sum(key in called for key in disjoint)
            totals = [totals[0] + hits, totals[1] + len(disjoint)]
            names = sorted({change.factor for one in called.values() for change in one.changes})
            print(
                f"{model:<7}{optimizer:<11}{interval(hits, len(disjoint))}, "
                f"{len(called)}/{len(found)}; {', '.join(names) or '-'}",
                flush=True,
            )
        print(f"all disjoint pairs: {interval(*totals)}\n")
        print("changed: factor is called; first called; step within 2 observations of the true one")
        for (label, (change, factor)), at, shift in itertools.product(
            CHANGES.items(), (0, options.steps // 2), (0, 1)
        ):
            named = first = timed = n = 0
            for (model, optimizer), runs in healthy.items():
                for seed in range(min(2, options.seeds)):
                    other = run(
                        folder, model, optimizer, seed, options.steps, options.every, change, at
                    )
                    one = clinometer.diff(runs[(seed + shift) % len(runs)], other)
                    mine = [c for c in one.changes if c.factor == factor]
                    n += 1
                    named += bool(mine)
                    first += bool(one.changes and one.changes[0].factor == factor)
                    timed += any(abs(c.from_step - at) <= 2 * options.every for c in mine)
            seeds = "another seed" if shift else "the same seed"
            print(
                f"{label:<17}at {at:<5}{seeds:<15}{named}/{n}  {first}/{n}  {timed}/{n}", flush=True
            )


if __name__ == "__main__":
    main()
