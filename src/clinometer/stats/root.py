"""The zero of a convex loss's slope in beta: started on some of the rows, finished on all of them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.blocks import Gaps
from clinometer.stats.gaps import Array, RowTerms, all_right, row_terms
from clinometer.stats.weighting import weighted_mean

SAMPLE = (
    1 << 16
)  # rows of the start: they leave a relative error of 1e-2, and Halley's first full step 1e-6
RUN = 64  # they come in runs of neighbours, so that no period of the data lines up with them
MANY = 4 * SAMPLE  # rows above which a start on the sample costs less than the passes that it saves
# Halley's error is cubic: a relative step below NEAR leaves less than 1e-15 of beta, and the series of
# fourth order that carries the rows along leaves 1e-14 of a loss of 1e-300 (beta d = 700).
NEAR = 1e-6
WIDEST = 8.0  # a step out may grow beta by this factor: too far is undone by one step back
MAX_STEPS = 2200  # halvings of float64's whole range of exponents; Halley's steps need a handful


def slope_root(gaps: Gaps, weights: Array | None = None) -> tuple[float, RowTerms]:
    """Beta > 0 at which the mean slope is 0, and the terms of every row there.

    Parameters
    ----------
    gaps : (n, K), largest about 1; their mean slope at beta = 0 is below 0, and some row is wrong
    weights : (n,), above 0

    Returns
    -------
    Exact to rounding, beta and rows alike; beta is inf where no float64 brackets it (right up to
    rounding).
    """
    return _search(gaps, weights, _start(gaps, weights))


def _start(gaps: Gaps, weights: Array | None) -> float:
    """The root of a fixed sample of many rows, where it has one; else the inverse of the rows' scale."""
    if gaps.n > MANY:
        rows = sample_rows(gaps.n)
        few, share = gaps.take(rows), None if weights is None else weights[rows]
        level = row_terms(few, 0.0)
        if weighted_mean(level.slope, share) < 0.0 and not all_right(few):
            beta, _ = _search(few, share, _by_scale(level, share))
            if math.isfinite(beta):
                return beta
    return _by_scale(row_terms(gaps, 0.0), weights)


def _by_scale(level: RowTerms, weights: Array | None) -> float:
    """One over the standard deviation of the gaps, from the terms at beta = 0."""
    return 1.0 / math.sqrt(max(weighted_mean(level.curvature, weights), np.finfo(float).tiny))


def sample_rows(n: int) -> NDArray[np.int64]:
    """Numbers of about `SAMPLE` of n rows: runs of `RUN` neighbours, evenly spread; no randomness."""
    starts = np.linspace(0, n - RUN, SAMPLE // RUN).astype(np.int64)
    return np.asarray((starts[:, None] + np.arange(RUN)).ravel())


def _search(gaps: Gaps, weights: Array | None, beta: float) -> tuple[float, RowTerms]:
    low, high = 0.0, math.inf
    for _ in range(MAX_STEPS):
        terms = row_terms(gaps, beta)
        slope, step = _halley(terms, weights)
        low, high = (beta, high) if slope < 0.0 else (low, beta)
        if abs(step) <= NEAR * beta:
            return beta + step, _carried(terms, step)
        if high - low <= math.ulp(beta):
            break
        following = beta + step
        beta = following if low < following < min(high, WIDEST * beta) else _inside(low, high, beta)
        if math.isinf(beta):
            break
    return beta, terms


def _halley(terms: RowTerms, weights: Array | None) -> tuple[float, float]:
    """Mean slope, and Halley's step towards its zero; inf where rounding has left no curvature."""
    slope, curvature, third = (
        weighted_mean(each, weights) for each in (terms.slope, terms.curvature, terms.third)
    )
    if slope == 0.0:
        return slope, 0.0
    if curvature <= 0.0:
        return slope, math.inf
    newton = -slope / curvature
    bend = 1.0 + 0.5 * newton * third / curvature
    return slope, newton / bend if bend > 0.5 else newton  # beyond, the series means nothing yet


def _inside(low: float, high: float, beta: float) -> float:
    """Where the bracket is cut when the step leaves it: by ratios, as beta may have any size."""
    if math.isinf(high):
        return WIDEST * beta
    return math.sqrt(low) * math.sqrt(high) if low > 0.0 else high / WIDEST


def _carried(terms: RowTerms, step: float) -> RowTerms:
    """The terms a small step further along beta, by their own series."""
    return RowTerms(
        loss=terms.loss
        + step * (terms.slope + step * (0.5 * terms.curvature + step / 6.0 * terms.third)),
        slope=terms.slope + step * (terms.curvature + 0.5 * step * terms.third),
        curvature=terms.curvature + step * terms.third,
        third=terms.third,
    )
