"""A straight line through points, with the interval of its slope."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit


def slope_interval(
    x: Sequence[float], y: Sequence[float], *, alpha: float = 0.05
) -> tuple[float, tuple[float, float]]:
    """(slope, (low, high)) of the least-squares line.

    Parameters
    ----------
    x, y : of each point, at least three, x not all equal
    alpha : one minus the certainty of the interval

    Notes
    -----
    Student's t with n - 2 degrees of freedom: exact for independent normal errors of equal variance.

    >>> slope, (low, high) = slope_interval([0, 1, 2, 3], [0.1, 0.9, 2.1, 2.9])
    >>> round(slope, 3), round(low, 3), round(high, 3)
    (0.96, 0.717, 1.203)
    """
    at, value = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n = len(at)
    apart = at - at.mean()
    square = float(apart @ apart)
    if n < 3 or square == 0:
        return math.nan, (math.nan, math.nan)
    slope = float(apart @ value) / square
    rest = value - value.mean() - slope * apart
    error = math.sqrt(float(rest @ rest) / (n - 2) / square)
    half = float(stdtrit(n - 2, 1 - alpha / 2)) * error
    return slope, (slope - half, slope + half)
