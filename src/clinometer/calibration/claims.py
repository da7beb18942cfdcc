"""A model's claims against its record: how often it is right, and how often each class occurs.

A claim is a mean of probabilities, its record a count. Intervals of the record are Clopper and Pearson's
(conservative for rows of differing probabilities, Hoeffding 1956), or those of whole groups where rows of
one group hang together. A claim is refuted where even its practical limits lie outside the interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.binomial import clopper_pearson
from clinometer.stats.claimed_rate import Word, judged, practical_limits
from clinometer.stats.clusters import cluster_interval
from clinometer.stats.gaps import Array
from clinometer.stats.paired import Interval
from clinometer.stats.weighting import effective_rows, weighted_mean


@dataclass(frozen=True)
class Rows:
    """What each row claims and what came of it; arrays (n,) in float64.

    error : 1 - probability of the decision, kept as small as it is [-]
    wrong : 1.0 where the decision is not the label
    weights : relative importances, or None; codes : group number 0 .. G-1, or None
    """

    error: Array
    wrong: Array
    weights: Array | None = None
    codes: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[Any]) -> Rows:
        """Some of the rows, without their groups: they are judged as one."""
        weights = None if self.weights is None else self.weights[rows]
        return Rows(self.error[rows], self.wrong[rows], weights)


@dataclass(frozen=True)
class Record:
    """One claimed rate beside the counted one.

    claimed, counted : mean claim and weighted share [-]; rates of errors, or of a class
    interval : of the true rate, at the stated certainty [-]
    limits : rates that the claim is worth for all practical purposes [-]
    n : rows, effective ones where they are weighted
    word : supported | refuted | unproven
    """

    claimed: float
    counted: float
    interval: Interval
    limits: Interval
    n: float
    word: Word

    @property
    def too_low(self) -> bool:
        """Whether the true rate is surely above the claimed one, margin or not."""
        return self.interval[0] > self.claimed

    @property
    def too_high(self) -> bool:
        """Whether the true rate is surely below the claimed one, margin or not."""
        return self.interval[1] < self.claimed

    @property
    def rows_to_decide(self) -> int | None:
        """Rows at which the interval fits within the limits if the counted rate is the true one.

        None where it lies outside them, or nothing was counted to go by.
        """
        room = min(self.limits[1] - self.counted, self.counted - self.limits[0])
        if room <= 0.0 or self.counted in {0.0, 1.0}:
            return None
        half = (self.interval[1] - self.interval[0]) / 2.0
        needed = self.n * (half / room) ** 2  # a half-width falls with the root of the rows
        return math.ceil(needed) if math.isfinite(needed) and needed < 2.0**53 else None


def errors(rows: Rows, alpha: float, margin: float) -> Record:
    """The claim to be right so often: claimed error against counted errors, every row by itself."""
    claimed, counted, n = _rates(rows)
    interval = clopper_pearson(counted * n, n, alpha)
    return _judged(claimed, counted, interval, n, margin)


def errors_by_group(rows: Rows, alpha: float, margin: float) -> Record | None:
    """The same with whole groups as the unit; None without groups, or with one that weighs."""
    if rows.codes is None:
        return None
    about = cluster_interval(rows.wrong - rows.error, rows.codes, alpha, rows.weights)
    if about is None:
        return None
    claimed, counted, n = _rates(rows)
    interval = (max(claimed + about[0], 0.0), min(claimed + about[1], 1.0))
    return _judged(claimed, counted, interval, n, margin)


def _rates(rows: Rows) -> tuple[float, float, float]:
    """Claimed and counted error rate, and the effective rows."""
    claimed, counted = (weighted_mean(part, rows.weights) for part in (rows.error, rows.wrong))
    return claimed, min(counted, 1.0), effective_rows(len(rows.error), rows.weights)


def _judged(claimed: float, counted: float, interval: Interval, n: float, margin: float) -> Record:
    """Who is right more often than claimed has earned the claim: the limits begin at no error."""
    limits = (0.0, practical_limits(min(claimed, 1.0), margin)[1])
    return Record(claimed, counted, interval, limits, n, judged(limits, interval))


def surest(rows: Rows, share: float = 0.1) -> Rows:
    """The rows of the smallest claimed errors: this share of them, and what ties with the last."""
    last = np.partition(rows.error, k := max(math.ceil(share * len(rows.error)) - 1, 0))[k]
    return rows.take(np.flatnonzero(rows.error <= last))


def refuted_classes(
    claimed: Array, counted: Array, n: float, *, alpha: float, margin: float
) -> tuple[tuple[int, Record], ...]:
    """Classes whose claimed frequency (K,) the counted one (K,) refutes in n rows, the furthest first.

    All K are looked at, so each interval is as wide as alpha / K asks (Bonferroni).
    """
    found = []
    for k in range(len(claimed)):
        mean, rate = min(float(claimed[k]), 1.0), min(float(counted[k]), 1.0)
        interval = clopper_pearson(rate * n, n, alpha / len(claimed))
        if interval[0] <= mean <= interval[1]:
            continue
        limits = practical_limits(mean, margin)
        if judged(limits, interval) == "refuted":
            found.append((k, Record(mean, rate, interval, limits, n, "refuted")))
    return tuple(sorted(found, key=lambda pair: -abs(pair[1].claimed - pair[1].counted)))
