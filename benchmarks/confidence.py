"""What the best temperature, its loss split and `compare` cost on a million rows of ten classes.

    python benchmarks/confidence.py [--rows 1000000] [--rounds 7]

Every contender fits the same logits in the same process on one thread, in turns; a ratio is taken within a
round, and the median of the ratios counts, with their range. CPU seconds, as the cores are shared. The peers
are scikit-learn's own temperature fit and probmetrics' loss, refinement and calibration error, where they are
installed (`make bench` puts them beside the environment). The temperature is checked on some rows against a
root at 50 digits. Exit code 1 where a goal is missed.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy reads it

import argparse
import importlib.metadata
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / ".venv" / "peers"))

from benchmarks.startup import machine

from clinometer.calibration.compare import compare
from clinometer.stats.gaps import Gaps
from clinometer.stats.paired import paired_interval
from clinometer.stats.temperature import fit_temperature

OURS, BOTH = "clinometer: temperature and full split", "clinometer: compare of two models"
SKLEARN, PROBMETRICS = (
    "scikit-learn: temperature",
    "probmetrics: loss, refinement, calibration error",
)
CLASSES, TRUTH, SPREAD, DIGITS = 10, 2.5, 2.0, 50
# The goals: shares of the peers' CPU time, seconds for two models, relative error of T.
GOALS = {SKLEARN: 0.5, PROBMETRICS: 0.1, BOTH: 2.0, "T": 1e-9}

Fit = Callable[[], float]


def sample(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are TRUTH times too steep, and labels drawn at the right scale (Gumbel's trick)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, CLASSES)) * SPREAD
    return TRUTH * z, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def full_split(logits: np.ndarray, labels: np.ndarray) -> float:
    """Temperature with its interval, both parts with theirs, the test and the optimism; T [-]."""
    fit = fit_temperature(Gaps(logits, labels))
    told = (fit.interval(), fit.loss, fit.scale, fit.scale_test(), fit.optimism)
    ends = (paired_interval(fit.rows), paired_interval(fit.given - fit.rows))
    assert None not in told
    assert None not in ends
    return float(fit.temperature or np.nan)


def peers(logits: np.ndarray, labels: np.ndarray) -> dict[str, Fit]:
    """The peers that are installed; each gives its temperature, or NaN where it has none to give."""
    found: dict[str, Fit] = {}
    try:
        from sklearn.calibration import _TemperatureScaling

        found[SKLEARN] = lambda: 1.0 / float(_TemperatureScaling().fit(logits, labels).beta_)
    except ImportError:
        print("scikit-learn with a temperature fit is not installed: not measured")
    try:
        import torch
        from probmetrics.metrics import Metrics

        torch.set_num_threads(1)
        metrics = Metrics.from_names(
            ["logloss", "refinement_logloss_ts-mix_all", "calib-err_logloss_ts-mix_all"]
        )
        z, y = torch.from_numpy(logits), torch.from_numpy(labels)
        metrics.compute_all_from_labels_logits(y[:1000], z[:1000])  # compiled and imported

        def probmetrics() -> float:
            metrics.compute_all_from_labels_logits(y, z)
            return np.nan

        found[PROBMETRICS] = probmetrics
    except ImportError:
        print("probmetrics is not installed: not measured")
    return found


def timed(
    contenders: dict[str, Fit], rounds: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """CPU seconds of every round, and each contender's temperature; every other round runs backwards."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    temperature = {}
    for turn in range(rounds):
        for name in list(contenders)[:: -1 if turn % 2 else 1]:
            start = time.process_time()
            temperature[name] = contenders[name]()
            seconds[name].append(time.process_time() - start)
    return seconds, temperature


def error_of_temperature(rows: int = 2000) -> float:
    """Relative error of T on so many rows against a root at 50 digits."""
    import mpmath

    logits, labels = sample(rows, seed=1)
    own = fit_temperature(Gaps(logits, labels)).beta
    gaps = [[mpmath.mpf(float(v)) for v in row] for row in logits]
    for row, label in zip(gaps, labels, strict=True):
        row[:] = [v - row[label] for v in row]
    with mpmath.workdps(DIGITS):
        beta = mpmath.mpf(own)
        for _ in range(3):  # Newton doubles the digits: 15, 30, 60
            slope = curvature = mpmath.mpf(0)
            for row in gaps:
                w = [mpmath.exp(beta * d) for d in row]
                p = [v / sum(w) for v in w]
                first = mpmath.fdot(p, row)
                slope += first
                curvature += mpmath.fdot(p, [d * d for d in row]) - first**2
            beta -= slope / curvature
        return float(abs(own / beta - 1))


def line(name: str, seconds: list[float], ours: list[float], temperature: float) -> str:
    """One row of the table: median CPU seconds, ours as a share of it in the same round, T."""
    shares = sorted(own / other for own, other in zip(ours, seconds, strict=True))
    share = f"{statistics.median(shares):.3f} [{shares[0]:.3f}, {shares[-1]:.3f}]"
    found = "–" if np.isnan(temperature) else f"{temperature:.9f}"
    return f"| {name} | {statistics.median(seconds):.3f} | {share} | {found} |"


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed of the confidence half, beside its peers")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    logits, labels = sample(args.rows)
    other = logits / TRUTH + 0.3 * np.random.default_rng(2).normal(size=logits.shape)

    def both() -> float:
        compare(logits, other, labels)
        return np.nan

    contenders = {
        OURS: lambda: full_split(logits, labels),
        BOTH: both,
        **peers(logits, labels),
    }
    seconds, temperature = timed(contenders, args.rounds)
    print(f"{machine()}, scikit-learn {importlib.metadata.version('scikit-learn')}")
    print(f"{args.rows:,} x {CLASSES} logits, float64, one thread, {args.rounds} rounds in turns\n")
    print("| contender | CPU s | clinometer's split over it | T |\n|---|--:|--:|--:|")
    for name in contenders:
        print(line(name, seconds[name], seconds[OURS], temperature[name]))
    return _judged(seconds)


def _judged(seconds: dict[str, list[float]]) -> int:
    """Print each goal with what was found; 1 where one is missed."""
    found = {BOTH: statistics.median(seconds[BOTH]), "T": error_of_temperature()}
    for peer in (SKLEARN, PROBMETRICS):
        if peer in seconds:
            pairs = zip(seconds[OURS], seconds[peer], strict=True)
            found[peer] = statistics.median(own / other for own, other in pairs)
    named = {"T": "relative error of T on 2,000 rows, against 50 digits", BOTH: f"{BOTH}, CPU s"}
    print()
    for goal, value in found.items():
        kept = "kept" if value <= GOALS[goal] else "missed"
        name = named.get(goal, f"clinometer's split over {goal}")
        print(f"- {name}: {value:.2g}, goal {GOALS[goal]:g}: {kept}")
    return int(any(value > GOALS[goal] for goal, value in found.items()))


if __name__ == "__main__":
    sys.exit(main())
