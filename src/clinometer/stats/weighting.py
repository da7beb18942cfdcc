"""Means of weighted rows. Weights are relative importances: only their ratios matter.

A weight of 0 removes its row, whatever the row holds. Effective rows: Kish (1965), Survey Sampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def effective_rows(n: int, weights: Array | None = None) -> float:
    """Rows that equal weights would need for the same information: (sum w)^2 / sum w^2.

    >>> effective_rows(4), effective_rows(3, np.array([2.0, 2.0, 0.0]))
    (4.0, 2.0)
    """
    if weights is None:
        return float(n)
    share = weights / weights.max()  # no overflow, and no underflow of them all
    return float(share.sum() ** 2 / (share * share).sum())


def weighted_mean(values: Array, weights: Array | None = None) -> float:
    """Sum w x / sum w of values (n,), same unit; rows of weight 0 may hold anything.

    >>> weighted_mean(np.array([1.0, 3.0, np.inf]), np.array([1.0, 3.0, 0.0]))
    2.5
    """
    if weights is None:
        return float(values.mean())
    share = weights / weights.max()
    return float((share * np.where(share > 0.0, values, 0.0)).sum() / share.sum())


def variance_of_mean(values: Array, weights: Array | None = None) -> float:
    """Estimated variance of `weighted_mean` over independent rows; inf below two effective rows.

    Sum w^2 (x - mean)^2 / (sum w)^2, times m / (m - 1) of the m effective rows: s^2 / n for equal
    weights. It stays right where the weights go with the values (Hajek's linearisation).
    """
    rows = effective_rows(len(values), weights)
    if rows <= 1.0:
        return float("inf")
    mean = weighted_mean(values, weights)
    away = values - mean if weights is None else np.where(weights > 0.0, values, mean) - mean
    return mean_square(away, weights) / (rows - 1.0)


def mean_square(values: Array, weights: Array | None = None) -> float:
    """Mean of x^2 under squared weights: divided by the effective rows, the variance of a mean of 0."""
    if weights is None:
        return float((values * values).mean())
    share = weights / weights.max()
    pull = share * np.where(share > 0.0, values, 0.0)
    return float((pull * pull).sum() / (share * share).sum())
