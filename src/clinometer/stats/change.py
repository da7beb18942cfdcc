"""From which observation on does a series lie elsewhere? One lasting change, against what came before it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Values = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

NORMAL = 1.4826  # standard deviation of normal values over their median absolute deviation
EARLIER = 4  # observations before a change, below which their spread says nothing
LASTING = 3  # observations that a change must last for
SURE = (
    6.0  # standard errors of the two medians: neighbours are alike, so that theory's 3 would not do
)
OF_MEDIAN = math.sqrt(
    math.pi / 2
)  # standard error of a median over that of a mean, of normal values
BEYOND = 0.75  # share of the later observations on the far side of the middle of the shift


@dataclass(frozen=True)
class Shift:
    """A lasting change of level.

    at : number of the first observation at the new level; 0 where the series never was at 0
    size : new level less the old one (0, where there is none before)
    spread : robust standard deviation of the observations before, or of all for a change at 0
    """

    at: int
    size: float
    spread: float


def lasting_shift(values: Values, least: float) -> Shift | None:
    """The change of level that fits best, if it is large and lasting; None where there is none.

    Parameters
    ----------
    values : float64 (n,), finite, in order: 0 where nothing differs
    least : smallest shift that counts, in the unit of the values

    Notes
    -----
    The split is the one with the smallest sum of absolute deviations from the two medians. It is a change
    where the medians lie `least` and 6 of their standard errors apart, and 3 of 4 later observations lie
    beyond the middle between them. The spread of either part is the larger of 1.4826 MAD and that of
    neighbours' differences, of the whole series, over the square root of 2. Without such a split, all
    observations are held against 0.
    O(n^2); false-alarm rates have to be measured, as real series are correlated.

    >>> lasting_shift(np.array([0, 0.1, -0.1, 0, 0.1, 2, 2.1, 1.9, 2]), 0.3).at
    5
    >>> lasting_shift(np.array([2, 2.1, 1.9, 2.0]), 0.3)
    Shift(at=0, size=2.0, spread=...)
    """
    n = len(values)
    at = min(
        range(EARLIER, n - LASTING + 1),
        key=lambda k: _deviation(values[:k]) + _deviation(values[k:]),
        default=0,
    )
    if at and (found := _tested(values, at, least)):
        return found
    return _tested(values, 0, least) if n >= LASTING else None


def _tested(values: Values, at: int, least: float) -> Shift | None:
    before, after = values[:at], values[at:]
    base = float(np.median(before)) if at else 0.0
    size = float(np.median(after)) - base
    near = _neighbours(values)
    spread, later = (max(_spread(part), near) for part in (before if at else after, after))
    beyond = np.mean((after - base) * math.copysign(1.0, size) > abs(size) / 2)
    error = OF_MEDIAN * math.hypot(
        spread / math.sqrt(at) if at else 0.0, later / math.sqrt(len(after))
    )
    large = abs(size) >= max(least, SURE * error)
    return Shift(at, size, spread) if large and beyond >= BEYOND else None


def _deviation(values: Values) -> float:
    return float(np.abs(values - np.median(values)).sum())


def _spread(values: Values) -> float:
    return NORMAL * float(np.median(np.abs(values - np.median(values))))


def _neighbours(values: Values) -> float:
    """Spread of single observations from the differences of neighbours: a shift moves only one of them."""
    if len(values) < 2:
        return math.inf
    return NORMAL / math.sqrt(2.0) * float(np.median(np.abs(np.diff(values))))
