"""How often the intervals of a fit and of a comparison cover the truth, by simulation; about three minutes.

    python benchmarks/interval_coverage.py [--repeats 2000]

Labels are drawn from softmax(z), z normal, three classes. For the temperature, the test and the optimism the
model is z itself: T = 1 and S = 0. For the comparison A is 2.5 z and B is z with noise; the truth is that of
a million rows. Each figure stands beside the one of the reference simulations (other populations, 600 to 800
repeats, so 0.95 there has a standard error of 0.008). No temperature, no interval: those repeats are counted
apart and not as covered.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from clinometer.stats.gaps import Gaps
from clinometer.stats.paired import Interval, paired_interval
from clinometer.stats.temperature import fit_temperature

CLASSES, SPREAD, STEEP, NOISE, LARGE = 3, 2.0, 2.5, 1.0, 1_000_000
REFERENCE = {
    ("separation", 30): "0.912",
    ("separation", 50): "0.932, 0.930",
    ("separation", 100): "0.953",
    ("separation", 200): "0.958, 0.929",
    ("separation", 500): "0.952",
    ("separation", 1000): "0.932",
    ("scale", 30): "0.856",
    ("scale", 50): "0.897",
    ("scale", 100): "0.915",
    ("scale", 200): "0.943",
    ("scale", 500): "0.948",
    ("temperature", 50): "0.94-0.95",
    ("temperature", 200): "0.94-0.95",
    ("temperature", 1000): "0.94-0.95",
    ("test", 30): "0.049",
    ("test", 100): "0.048",
    ("test", 300): "0.047",
    ("test", 1000): "0.051",
    ("optimism", 50): "0.01029, 0.0009",
    ("optimism", 200): "0.00264, 0.0002",
    ("quartiles", 20): "0.82-1.61",
}


def drawn(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated logits (n, CLASSES) and their labels."""
    z = rng.normal(size=(n, CLASSES)) * SPREAD
    return z, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def parts(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Paired contributions to separation and scale of A against B, each (n,) [nat]."""
    z, y = drawn(rng, n)
    a, b = (
        fit_temperature(Gaps(logits, y))
        for logits in (STEEP * z, z + NOISE * rng.normal(size=z.shape))
    )
    return a.rows - b.rows, (a.given - a.rows) - (b.given - b.rows)


def compared(repeats: int, n: int, truth: tuple[float, float], seed: int) -> tuple[float, float]:
    """Share of the 95 % intervals that cover, of separation and of scale."""
    rng, inside = np.random.default_rng([seed, n]), np.zeros(2)
    for _ in range(repeats):
        for i, rows in enumerate(parts(rng, n)):
            inside[i] += covers(
                paired_interval(rows) if np.isfinite(rows).all() else None, truth[i]
            )
    return float(inside[0] / repeats), float(inside[1] / repeats)


def alone(repeats: int, n: int, seed: int) -> dict[str, float]:
    """Temperature of calibrated models: its coverage, the test's size, the optimism, the quartiles."""
    rng = np.random.default_rng([seed, n])
    fits = [fit_temperature(Gaps(*drawn(rng, n))) for _ in range(repeats)]
    finite = [fit for fit in fits if fit.status == "finite"]
    low, high = np.quantile([fit.beta for fit in fits], [0.25, 0.75])
    return {
        "covered": sum(covers(fit.beta_interval(), 1.0) for fit in finite) / repeats,
        "size": sum((fit.scale_test() or 0.0) < 0.05 for fit in finite) / len(finite),
        "raw": float(np.mean([fit.scale for fit in finite])),
        "left": float(np.mean([fit.scale - (fit.optimism or 0.0) for fit in finite])),
        "low": float(low),
        "high": float(high),
        "none": 1.0 - len(finite) / repeats,
    }


def covers(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]


def table(repeats: int) -> Iterator[str]:
    """The rows of the table, as they are found."""
    yield "| what | n | found | reference | no finite fit |\n|---|--:|--:|--:|--:|"
    whole = parts(np.random.default_rng(0), LARGE)
    truth = float(whole[0].mean()), float(whole[1].mean())
    for n in (30, 50, 100, 200, 500, 1000):
        for name, share in zip(
            ("separation", "scale"), compared(repeats, n, truth, 1), strict=True
        ):
            yield row(f"{name}, 95 % interval", name, n, f"{share:.3f}", "")
    for n in (20, 30, 50, 100, 200, 300, 1000):
        found = alone(repeats, n, 2)
        none = f"{found['none']:.3f}"
        yield row("temperature, 95 % interval", "temperature", n, f"{found['covered']:.3f}", none)
        yield row("ratio test, size at 5 %", "test", n, f"{found['size']:.3f}", none)
        left = f"{found['raw']:.5f}, {found['left']:.4f}"
        yield row("scale found where there is none, and less optimism", "optimism", n, left, none)
        if n == 20:
            quartiles = f"{found['low']:.2f}-{found['high']:.2f}"
            yield row("beta, quartiles", "quartiles", n, quartiles, none)


def row(text: str, name: str, n: int, found: str, none: str) -> str:
    return f"| {text} | {n} | {found} | {REFERENCE.get((name, n), '')} | {none} |"


def main() -> int:
    parser = argparse.ArgumentParser(description="Coverage of the intervals by simulation")
    parser.add_argument("--repeats", type=int, default=2000)
    for line in table(parser.parse_args().repeats):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
