"""Coverage of the ladder's intervals, size of its tests and what is left of its optimism, by simulation.

    python -m benchmarks.coverage_ladder [--repeats 500] [--seed 1]

Three classes; the logits are the true ones times a factor, with a constant on the last class. The truth is
the ladder of 400,000 rows (0 where nothing is wrong). Then groups: each answers with its own sharpness and
offset, as in benchmarks.coverage_groups, with sizes around 30.
"""

from __future__ import annotations

import argparse

import numpy as np
from benchmarks.coverage_groups import codes, logits_and_labels

from clinometer.calibration.ladder import ladder
from clinometer.calibration.predictions import Predictions
from clinometer.stats.gaps import logit_gaps
from clinometer.stats.temperature import fit_temperature

NAMES = ("scale", "shift")
WRONGS = ((2.0, 1.0), (1.2, 0.3), (1.0, 0.0))  # factor on the logits, constant on the last class


def judged(z, y, groups=None):
    model = Predictions(y, z, groups=None if groups is None else groups.astype(str))
    return ladder(model, fit_temperature(logit_gaps(z, y)))


def wrong(rng, n, factor, shift):
    z = rng.normal(size=(n, 3)) * 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    return factor * z + [0.0, 0.0, shift], y


def grouped(rng, groups):
    of = codes(rng, groups, unequal=True)
    return *logits_and_labels(rng, of, groups), of


def row(title, truth, draw, repeats, rng):
    held, refused, left = np.zeros(2), np.zeros(2), np.zeros(2)
    done = 0
    while done < repeats:
        found = judged(*draw(rng))
        if found.shift is None:
            continue
        done += 1
        for k, name in enumerate(NAMES):
            low, high = found.intervals[name]
            held[k] += low <= truth[k] <= high
            refused[k] += (found.p_values[name] or 0.0) < 0.05
            left[k] += found.raw[name] - found.optimism[name] - truth[k]
    cells = "  ".join(
        f"{truth[k]:.4f} {held[k] / done:.3f} {refused[k] / done:.3f} {left[k] / done:+.5f}"
        for k in range(2)
    )
    print(f"{title:34} {cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("for scale, then shift: truth [nat], coverage, share with p < 0.05, bias left [nat]")
    for factor, shift in WRONGS:
        big = judged(*wrong(np.random.default_rng(0), 400_000, factor, shift))
        truth = (big.scale, big.shift) if factor != 1.0 else (0.0, 0.0)
        for n in (50, 200, 1000):
            rng = np.random.default_rng([given.seed, n])
            title = f"times {factor}, constant {shift}, n {n}"
            row(title, truth, lambda r, a=(n, factor, shift): wrong(r, *a), given.repeats, rng)
    z, y, of = grouped(np.random.default_rng(0), 20_000)
    big = judged(z, y, of)
    print("groups of unequal size; no test: the p-value counts as 0")
    for groups in (5, 10, 30):
        rng = np.random.default_rng([given.seed, groups])
        row(
            f"{groups} groups",
            (big.scale, big.shift),
            lambda r, g=groups: grouped(r, g),
            given.repeats,
            rng,
        )


if __name__ == "__main__":
    main()
