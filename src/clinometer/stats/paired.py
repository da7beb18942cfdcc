"""Interval of a mean of paired differences."""

from __future__ import annotations

import math

from clinometer.stats.weighting import Array, effective_rows, variance_of_mean, weighted_mean

Interval = tuple[float, float]
NORMAL = 1.959963984540054  # 97.5 % point of the normal distribution


def paired_interval(
    differences: Array, alpha: float = 0.05, weights: Array | None = None
) -> Interval | None:
    """Two-sided Student interval of the mean of differences, shape (n,), same unit; None for n < 2.

    Assumes independent rows. For a loss at its own best temperature the row losses are the influence
    function (envelope theorem), so no refit enters. Approximate below n = 100. With weights (n,) it is
    the interval of the weighted mean, n the effective rows.

    >>> import numpy as np
    >>> paired_interval(np.array([1.0, 3.0]))
    (-10.70620473..., 14.70620473...)
    """
    n = effective_rows(len(differences), weights)
    if n < 2.0:
        return None
    from scipy.special import stdtrit

    mean = weighted_mean(differences, weights)
    error = math.sqrt(variance_of_mean(differences, weights))
    half = float(stdtrit(n - 1.0, 1.0 - alpha / 2)) * error
    return (mean - half, mean + half)


def rows_to_decide(differences: Array, margin: float, weights: Array | None = None) -> int | None:
    """Rows after which the 95 % interval is as narrow as +- margin; None where that is no number.

    With weights: rows like these, weighted like these.
    """
    variance = variance_of_mean(differences, weights)
    spread = math.sqrt(variance * len(differences)) if math.isfinite(variance) else 0.0
    if margin <= 0.0 or spread == 0.0:
        return None
    needed = (NORMAL * spread / margin) ** 2
    return math.ceil(needed) if math.isfinite(needed) else None
