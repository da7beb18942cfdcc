"""Case 2: a loss difference as separation plus scale, which sum to it exactly.

Two splits. By temperature: separation is what the best temperature leaves, scale what it removes
(Berta et al. 2025; Broecker 2009). Matched scale: where both models are right on every row the best
temperature is 0 and nothing is left, so both are set to one another's scale (the RMS of the
class-centred logits) and the two orders are averaged (Shapley).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.clusters import cluster_interval
from clinometer.stats.gaps import Array, Gaps, rms_centred, row_losses
from clinometer.stats.paired import Interval, paired_interval
from clinometer.stats.temperature import TemperatureFit
from clinometer.stats.weighting import weighted_mean


@dataclass(frozen=True)
class Part:
    """One part of loss(A) - loss(B) [nat]; rows (n,) are its paired contributions, where defined."""

    difference: float
    interval: Interval | None
    rows: Array | None


@dataclass(frozen=True)
class Split:
    """loss_a - loss_b = separation.difference + scale.difference [nat], to 1e-12 relative.

    total : interval of loss_a - loss_b [nat]
    weights, groups : relative importance of each row, and number of its group, where given
    """

    method: Literal["temperature", "matched scale"]
    loss_a: float
    loss_b: float
    separation: Part
    scale: Part
    total: Interval | None = None
    weights: Array | None = None
    groups: NDArray[np.int64] | None = None

    @property
    def difference(self) -> float:
        return self.loss_a - self.loss_b


def split_loss(
    gaps_a: Array | Gaps,
    gaps_b: Array | Gaps,
    fit_a: TemperatureFit,
    fit_b: TemperatureFit,
    alpha: float = 0.05,
    *,
    weights: Array | None = None,
    groups: NDArray[np.int64] | None = None,
) -> Split:
    """Split the mean loss of A less that of B; gaps (n, K) of the same rows, fits of those gaps.

    Parameters
    ----------
    weights : relative importances of the rows, (n,), above 0, with which the fits were made
    groups : number of each row's group, (n,), from 0: intervals are then of whole groups

    Notes
    -----
    Intervals are of the paired delta method: approximate below n = 100 (scale: 200); none from the
    matched-scale split, whose point values describe these rows only.
    """
    if fit_a.status == fit_b.status == "zero":
        return _matched(gaps_a, gaps_b, weights)

    def part(rows: Array) -> Part:
        return Part(weighted_mean(rows, weights), _interval(rows, alpha, weights, groups), rows)

    total = fit_a.given - fit_b.given
    return Split(
        "temperature",
        weighted_mean(fit_a.given, weights),
        weighted_mean(fit_b.given, weights),
        part(fit_a.rows - fit_b.rows),
        part((fit_a.given - fit_a.rows) - (fit_b.given - fit_b.rows)),
        _interval(total, alpha, weights, groups),
        weights,
        groups,
    )


def _interval(
    rows: Array, alpha: float, weights: Array | None, groups: NDArray[np.int64] | None
) -> Interval | None:
    if groups is None:
        return paired_interval(rows, alpha, weights)
    return cluster_interval(rows, groups, alpha, weights)


def _matched(gaps_a: Array | Gaps, gaps_b: Array | Gaps, weights: Array | None) -> Split:
    def loss(gaps: Array | Gaps, beta: float) -> float:
        return weighted_mean(row_losses(gaps, beta), weights)

    ratio = rms_centred(gaps_b, weights) / rms_centred(gaps_a, weights)
    own_a, own_b = loss(gaps_a, 1.0), loss(gaps_b, 1.0)
    a_at_b, b_at_a = loss(gaps_a, ratio), loss(gaps_b, 1.0 / ratio)
    scale = 0.5 * ((own_a - a_at_b) + (b_at_a - own_b))
    direction = 0.5 * ((own_a - b_at_a) + (a_at_b - own_b))
    return Split(
        "matched scale",
        own_a,
        own_b,
        Part(direction, None, None),
        Part(scale, None, None),
        weights=weights,
    )
