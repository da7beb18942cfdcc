"""What a reliability diagram shows: confidence against record, bin by bin, with counts and a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.calibration_error import (
    BINS,
    By,
    checked,
    edge_bins,
    mass_edges,
    width_bins,
)
from clinometer.stats.gaps import Array


@dataclass(frozen=True, slots=True)
class Bins:
    """Arrays of one value a bin; NaN where a bin holds no row.

    Attributes
    ----------
    edges : bins + 1 of them, from 0 to 1; a bin is closed on the right, the first one on both sides
    count : rows in the bin; rows of weight 0 are not counted
    mean_confidence, accuracy : weighted means [-]
    low, high : interval of the accuracy at 1 - alpha, of each bin by itself [-]
    share : weight of the bin, of all [-]
    """

    edges: Array
    count: NDArray[np.int64]
    mean_confidence: Array
    accuracy: Array
    low: Array
    high: Array
    share: Array


def reliability_bins(
    confidence: Array,
    right: NDArray[Any],
    bins: int = BINS,
    by: By = "width",
    weights: Array | None = None,
    alpha: float = 0.05,
) -> Bins:
    """Bins of the confidence (n,) in 0 .. 1 with the record of right (n,), 0 or 1, in each.

    The interval is Clopper and Pearson's (1934), which holds the true rate at least as often as it says,
    for independent rows; with weights at the effective number of rows (Korn and Graubard 1998, Survey
    Methodology 24). `ece` with the same arguments is the sum of share * ``|mean_confidence - accuracy|``.

    >>> found = reliability_bins(np.array([0.9, 1.0]), np.array([True, True]), bins=2)
    >>> found.count.tolist(), found.low.tolist()
    ([0, 2], [nan, 0.15811388...])
    """
    weight = checked(confidence, right, weights)
    weight = np.ones(len(confidence)) if weight is None else weight
    if by == "width":
        edges, place = np.linspace(0.0, 1.0, bins + 1), width_bins(confidence, bins)
    else:
        edges = mass_edges(confidence, bins, weights)
        place = edge_bins(confidence, edges)

    def summed(values: Array) -> Array:
        return np.asarray(np.bincount(place, values, bins), dtype=np.float64)

    held = summed(weight)
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty bin has no mean: NaN
        mean_confidence, accuracy = (
            summed(weight * confidence) / held,
            summed(weight * right) / held,
        )
        effective = held**2 / summed(weight**2)
    low, high = clopper_pearson(accuracy * effective, effective, alpha)
    count = np.bincount(place[weight > 0.0], minlength=bins).astype(np.int64)
    return Bins(edges, count, mean_confidence, accuracy, low, high, held / held.sum())


def clopper_pearson(right: Array, n: Array, alpha: float = 0.05) -> tuple[Array, Array]:
    """Two-sided Clopper-Pearson interval of success rates, elementwise; counts need not be whole.

    >>> clopper_pearson(np.array([10.0]), np.array([10.0]))
    (array([0.69150289]), array([1.]))
    """
    from scipy.special import betaincinv

    right = np.clip(right, 0.0, n)
    tiny = np.finfo(np.float64).tiny  # beta parameters of 0 are its limits, set below
    low = betaincinv(np.maximum(right, tiny), n - right + 1.0, alpha / 2)
    high = betaincinv(right + 1.0, np.maximum(n - right, tiny), 1.0 - alpha / 2)
    low = np.where(right == 0.0, 0.0, low)
    return low, np.where(right == n, 1.0, high)
