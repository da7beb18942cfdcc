"""Interval of a mean of paired differences."""

from __future__ import annotations

import math

from clinometer.stats.gaps import Array

Interval = tuple[float, float]


def paired_interval(differences: Array, alpha: float = 0.05) -> Interval | None:
    """Two-sided Student interval of the mean of differences, shape (n,), same unit; None for n < 2.

    Assumes independent rows. For a loss at its own best temperature the row losses are the influence
    function (envelope theorem), so no refit enters. Approximate below n = 100.

    >>> import numpy as np
    >>> paired_interval(np.array([1.0, 3.0]))
    (-10.70620473..., 14.70620473...)
    """
    n = len(differences)
    if n < 2:
        return None
    from scipy.special import stdtrit

    mean = float(differences.mean())
    half = float(stdtrit(n - 1, 1.0 - alpha / 2)) * float(differences.std(ddof=1)) / math.sqrt(n)
    return (mean - half, mean + half)


def rows_to_decide(differences: Array, margin: float) -> int | None:
    """Rows after which the 95 % interval is as narrow as +- margin; None where that is no number."""
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    if margin <= 0.0 or spread == 0.0:
        return None
    needed = (1.959963984540054 * spread / margin) ** 2
    return math.ceil(needed) if math.isfinite(needed) else None
