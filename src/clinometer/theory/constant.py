"""The best constant prediction: what a loss comes to for a network that knows nothing of its inputs.

Sources: Gneiting & Raftery (2007), JASA 102(477); Huber (1964), Ann. Math. Statist. 35(1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def cross_entropy_level(counts: ArrayLike, divisor: float | None = None) -> float:
    """Cross-entropy of the label shares [nat]; `divisor` where the loss is divided by another number.

    Parameters
    ----------
    counts : float array, shape (classes,), how often each label came, weighted or not

    >>> round(cross_entropy_level([10, 10, 10]), 6)
    1.098612
    """
    seen = np.asarray(counts, dtype=np.float64)
    seen = seen[seen > 0]
    total = seen.sum()
    return float(-(seen * np.log(seen / total)).sum() / (divisor or total))


def absolute_level(targets: ArrayLike) -> float:
    """Mean absolute deviation from the median [unit of the target].

    >>> absolute_level([0.0, 1.0, 5.0])
    1.6666666666666667
    """
    t = np.asarray(targets, dtype=np.float64)
    return float(np.abs(t - np.median(t)).mean())


def huber_level(targets: ArrayLike, delta: float, *, smooth_l1: bool = False) -> float:
    """Least mean Huber loss of a constant; `smooth_l1` is that divided by its parameter.

    To 1e-9 of the target's range: the loss is convex in the constant.

    >>> round(huber_level([0.0, 1.0, 5.0], 1.0), 6)
    1.333333
    """
    from scipy.optimize import minimize_scalar  # half a second that no other level needs

    t = np.asarray(targets, dtype=np.float64)

    def loss(constant: float) -> float:
        error = np.abs(t - constant)
        each = np.where(error < delta, error**2 / 2, delta * (error - delta / 2))
        return float(each.mean())

    low, high = float(t.min()), float(t.max())
    if low == high:
        return 0.0
    tolerance = 1e-9 * (high - low)
    best = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": tolerance})
    return float(best.fun) / (delta if smooth_l1 else 1.0)


def level_by_output(targets: Sequence[Sequence[float]], term: str, parameter: float) -> float:
    """Mean over the outputs of the level of a loss on differences: absolute, Huber or smooth L1."""
    if term == "absolute_error":
        return float(np.mean([absolute_level(column) for column in targets]))
    smooth = term == "smooth_l1"
    return float(np.mean([huber_level(column, parameter, smooth_l1=smooth) for column in targets]))
