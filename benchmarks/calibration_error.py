"""What a calibration error of a million rows of ten classes costs, beside peers.

    python -m benchmarks.calibration_error [--rows 1000000] [--rounds 11]

From the confidence of the decision, which all can take, and from logits. Every contender judges the same
rows in the same process on one thread, in turns, every other round backwards; a ratio is taken within a
round, and the median of the ratios counts, with their range. CPU seconds, as the cores are shared. Peers:
scikit-learn's calibration_curve (the curve alone, no error), torchmetrics and netcal, where installed
(`make bench` puts torchmetrics beside the environment). Exit code 1 where a peer is faster.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / ".venv" / "peers"))

from benchmarks.startup import machine

from clinometer.stats.calibration_error import BINS, ece, ece_from_logits, top_confidence
from clinometer.stats.calibration_tests import kolmogorov_smirnov, kuiper, spiegelhalter
from clinometer.stats.shift import fit_shift
from clinometer.stats.smooth_error import smooth_ece

CLASSES, TRUTH, SPREAD = 10, 2.5, 2.0
Timed = dict[str, Callable[[], float]]


def sample(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are TRUTH times too steep, and labels drawn at the right scale (Gumbel's trick)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, CLASSES)) * SPREAD
    return TRUTH * z, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def from_confidence(confidence: np.ndarray, right: np.ndarray) -> Timed:
    found: Timed = {"clinometer: ece": lambda: ece(confidence, right)}
    try:
        from sklearn.calibration import calibration_curve

        def curve() -> float:
            calibration_curve(right, confidence, n_bins=BINS)
            return np.nan

        found["scikit-learn: calibration_curve"] = curve
    except ImportError:
        print("scikit-learn is not installed: not measured")
    try:
        import torch
        from torchmetrics.functional.classification import binary_calibration_error

        torch.set_num_threads(1)
        p, y = torch.from_numpy(confidence), torch.from_numpy(right.astype(np.int64))
        found["torchmetrics: binary_calibration_error"] = lambda: float(
            binary_calibration_error(p, y, n_bins=BINS)
        )
    except ImportError:
        print("torchmetrics is not installed: not measured")
    try:
        from netcal.metrics import ECE

        whole = right.astype(np.int64)
        found["netcal: ECE"] = lambda: float(ECE(BINS).measure(confidence, whole))
    except ImportError:
        print("netcal is not installed: not measured")
    return found


def from_logits(logits: np.ndarray, labels: np.ndarray) -> Timed:
    """float32, as a network gives them; torchmetrics also from probabilities that are there already."""
    single = logits.astype(np.float32)
    found: Timed = {
        "clinometer: ece_from_logits, float32": lambda: ece_from_logits(single, labels),
        "clinometer: ece_from_logits, float64": lambda: ece_from_logits(logits, labels),
    }
    try:
        import torch
        from torchmetrics.functional.classification import multiclass_calibration_error

        z, y = torch.from_numpy(single), torch.from_numpy(labels)
        p = z.softmax(dim=1)
        for name, given in (("logits", z), ("probabilities", p)):
            found[f"torchmetrics: multiclass_calibration_error, float32 {name}"] = (
                lambda given=given: float(
                    multiclass_calibration_error(given, y, CLASSES, n_bins=BINS)
                )
            )
    except ImportError:
        pass
    return found


def others(
    logits: np.ndarray, labels: np.ndarray, confidence: np.ndarray, right: np.ndarray
) -> Timed:
    """The other figures of the ladder's first lines, without a peer here."""
    return {
        "clinometer: smooth_ece": lambda: smooth_ece(confidence, right),
        "clinometer: ece by mass": lambda: ece(confidence, right, by="mass"),
        "clinometer: kolmogorov_smirnov, p": lambda: kolmogorov_smirnov(confidence, right).p_value,
        "clinometer: kuiper, p": lambda: kuiper(confidence, right).p_value,
        "clinometer: spiegelhalter, p": lambda: spiegelhalter(confidence, right).p_value,
        "clinometer: fit_shift, beta": lambda: float(
            fit_shift(logits, labels, start_beta=1 / TRUTH).beta or np.nan
        ),
    }


def timed(contenders: Timed, rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    value = {name: measure() for name, measure in contenders.items()}  # imported and warm
    for turn in range(rounds):
        for name in list(contenders)[:: -1 if turn % 2 else 1]:
            start = time.process_time()
            contenders[name]()
            seconds[name].append(time.process_time() - start)
    return seconds, value


def table(contenders: Timed, rounds: int, ours: str | None) -> float:
    """Print a row for each; the largest median of our share of a peer's time."""
    seconds, value = timed(contenders, rounds)
    worst = 0.0
    print("\n| contender | CPU s | ours over it | value |\n|---|--:|--:|--:|")
    for name, own in seconds.items():
        cell = "–"
        if ours is not None and not name.startswith("clinometer"):
            shares = sorted(a / b for a, b in zip(seconds[ours], own, strict=True))
            middle = statistics.median(shares)
            worst = max(worst, middle)
            cell = f"{middle:.2f} [{shares[0]:.2f}, {shares[-1]:.2f}]"
        found = "–" if np.isnan(value[name]) else f"{value[name]:.6g}"
        print(f"| {name} | {statistics.median(own):.4f} | {cell} | {found} |")
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Speed of the calibration errors, beside their peers"
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    logits, labels = sample(given.rows)
    confidence, right = top_confidence(logits, labels)
    print(machine())
    print(f"{given.rows:,} x {CLASSES}, {BINS} bins, one thread, {given.rounds} rounds in turns")
    first = from_confidence(confidence, right)
    second = from_logits(logits, labels)
    worst = max(
        table(first, given.rounds, "clinometer: ece"),
        table(second, given.rounds, "clinometer: ece_from_logits, float32"),
    )
    table(others(logits, labels, confidence, right), 3, None)
    print(
        f"\n- no peer is faster: {'kept' if worst <= 1.0 else 'missed'} (largest share {worst:.2f})"
    )
    return int(worst > 1.0)


if __name__ == "__main__":
    sys.exit(main())
