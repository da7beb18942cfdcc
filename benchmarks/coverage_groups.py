"""Coverage of the nominal 95 % interval for rows that depend on each other within groups.

    python -m benchmarks.coverage_groups [--repeats 2000] [--seed 1]

Mean: group effects and row noise are both skewed (exponential), a third of the variance lies between groups.
Temperature: each group has its own sharpness and offset of the log-odds, so that its rows err together; the
truth is the temperature of the whole population. Groups of 30 rows each, or log-normal sizes around 30.
The bootstrap resamples groups 999 times; its temperature takes one Newton step per resample.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit, stdtrit

from clinometer.stats.clusters import cluster_interval, cluster_temperature
from clinometer.stats.gaps import logit_gaps, row_terms
from clinometer.stats.temperature import fit_temperature

BETWEEN = 1 / 3  # share of the variance that lies between the groups
ROWS = 30  # rows of a group; the median where they are unequal
RESAMPLES = 999
WAYS = ("rows as if independent", "percentile bootstrap", "jackknife, t of G - 1", "as shipped")


@dataclass
class Tally:
    """How often each interval held the truth, and its median width."""

    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    width: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def add(self, way, interval, truth):
        """No interval claims nothing: it counts as held, and as infinitely wide."""
        self.held[way] += interval is None or interval[0] <= truth <= interval[1]
        self.width[way].append(np.inf if interval is None else interval[1] - interval[0])


def codes(rng, groups, unequal):
    sizes = np.full(groups, ROWS)
    if unequal:
        sizes = np.maximum(2, np.round(ROWS * np.exp(rng.normal(size=groups)))).astype(int)
    return np.repeat(np.arange(groups), sizes)


def resampled(rng, groups, *sums):
    picks = rng.integers(0, groups, (RESAMPLES, groups))
    return [part[picks].sum(axis=1) for part in sums]


def percentiles(values):
    return tuple(np.quantile(values, [0.025, 0.975]))


def with_students(interval, centre, held):
    """The shipped interval around its centre at the t quantile of G - 1 in place of its own."""
    if interval is None:
        return None
    own = stdtrit(held.sum() ** 2 / (held @ held) - 1, 0.975)
    half = (interval[1] - centre) * stdtrit(len(held) - 1, 0.975) / own
    return centre - half, centre + half


def mean_once(rng, groups, unequal, tally):
    group = codes(rng, groups, unequal)
    effect = rng.exponential(size=groups)[group]
    x = np.sqrt(BETWEEN) * effect + np.sqrt(1 - BETWEEN) * rng.exponential(size=len(group))
    truth = np.sqrt(BETWEEN) + np.sqrt(1 - BETWEEN)
    sums, held = np.bincount(group, x), np.bincount(group).astype(float)
    total, size = resampled(rng, groups, sums, held)
    shipped = cluster_interval(x, group)
    tally.add(WAYS[0], cluster_interval(x, None), truth)
    tally.add(WAYS[1], percentiles(total / size), truth)
    tally.add(WAYS[2], with_students(shipped, x.mean(), held), truth)
    tally.add(WAYS[3], shipped, truth)


def logits_and_labels(rng, group, groups):
    """Log-odds h of a model that is too sure, and labels that each group answers in its own way."""
    h = rng.normal(size=len(group)) * 3
    sharpness = np.exp(rng.normal(size=groups) * 0.5 - 0.7)[group]
    offset = rng.normal(size=groups)[group]
    y = (rng.random(len(group)) < expit(sharpness * h + offset)).astype(np.int64)
    return np.column_stack([np.zeros_like(h), h]), y


def temperature_truth():
    """Best beta of the population: many groups of the sizes that the simulation draws."""
    rng = np.random.default_rng(0)
    found = {}
    for unequal in (False, True):
        group = codes(rng, 20_000, unequal)
        gaps = logit_gaps(*logits_and_labels(rng, group, 20_000))
        fit = fit_temperature(gaps)
        found[unequal] = (fit.beta, float(np.mean(row_terms(gaps, 1.0).loss - fit.rows)))
    return found


def temperature_once(rng, groups, unequal, tally, scale_tally, truth):
    group = codes(rng, groups, unequal)
    gaps = logit_gaps(*logits_and_labels(rng, group, groups))
    fit = fit_temperature(gaps)
    if fit.status != "finite":
        return False
    found, single = cluster_temperature(gaps, group, fit), cluster_temperature(gaps, None, fit)
    best, given = row_terms(gaps, fit.beta), row_terms(gaps, 1.0)
    parts = (best.slope, best.curvature, given.loss - best.loss, np.ones(len(group)))
    slope, curvature, gain, size = resampled(rng, groups, *(np.bincount(group, p) for p in parts))
    held, log_beta = np.bincount(group).astype(float), np.log(fit.beta)
    logs = with_students(found.beta and tuple(np.log(found.beta)), log_beta, held)
    betas = (
        single.beta,
        percentiles(fit.beta - slope / curvature),
        logs and tuple(np.exp(logs)),
        found.beta,
    )
    scales = (
        single.scale,
        percentiles((gain + slope**2 / (2 * curvature)) / size),
        with_students(found.scale, parts[2].mean(), held),
        found.scale,
    )
    for way, beta, scale in zip(WAYS, betas, scales, strict=True):
        tally.add(way, beta, truth[0])
        scale_tally.add(way, scale, truth[1])
    return True


def line(what, groups, unequal, repeats, tally):
    cells = "  ".join(
        f"{tally.held[w] / repeats:.3f} ({np.median(tally.width[w]):.3f})" for w in WAYS
    )
    print(f"{what:11} {'unequal' if unequal else 'equal':7} {groups:3}  {cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began, truth = time.perf_counter(), temperature_truth()
    print("coverage (median width) of:", " | ".join(WAYS))
    for unequal in (False, True):
        for groups in (5, 10, 30):
            rng = np.random.default_rng([given.seed, groups, unequal])
            mean, beta, scale = Tally(), Tally(), Tally()
            fitted = 0
            for _ in range(given.repeats):
                mean_once(rng, groups, unequal, mean)
                fitted += temperature_once(rng, groups, unequal, beta, scale, truth[unequal])
            line("mean", groups, unequal, given.repeats, mean)
            line("beta", groups, unequal, fitted, beta)
            line("scale part", groups, unequal, fitted, scale)
    print(f"{given.repeats} repeats, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
