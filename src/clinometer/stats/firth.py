"""The scale that a few rows support: Firth's penalised likelihood (Jeffreys prior).

beta_F maximises -n L(beta) + 1/2 ln sum_i v_i(beta), v the curvature of each row's loss. It is finite
also where every row is right, needs no tuning constant, and beta_F(c z) = beta_F(z) / c.
Sources: Firth (1993), Biometrika 80(1); Heinze and Schemper (2002), Statistics in Medicine 21.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from clinometer.stats.blocks import Gaps, gaps_of, power_of_two_below
from clinometer.stats.gaps import Array, row_terms
from clinometer.stats.root import MANY, sample_rows
from clinometer.stats.weighting import effective_rows, weighted_mean

EXACT = 1e-15  # relative width of the root's bracket: float64's own
CLOSE = (
    0.1  # Newton's steps are kept while each is ten times shorter: sooner than Brent's method then
)
Score = Callable[[float], tuple[float, float]]


def firth_score(gaps: Array | Gaps, beta: float, weights: Array | None = None) -> float:
    """Slope in beta of the penalised log-likelihood: -sum g + sum kappa3 / (2 sum v).

    Weights (n,) are scaled so that they sum to the effective rows: the data count as what they tell.
    """
    seen = gaps_of(gaps)
    return _score(seen, effective_rows(seen.n, weights), weights, beta)[0]


def _score(gaps: Gaps, n: float, weights: Array | None, beta: float) -> tuple[float, float]:
    """The score of rows that count as n, and its slope in beta but for what the penalty adds."""
    terms = row_terms(gaps, beta)
    curvature = weighted_mean(terms.curvature, weights)
    if curvature == 0.0:  # underflow: only reached far outside, where beta pulls back to 0
        return -math.copysign(math.inf, beta), 0.0
    pull = weighted_mean(terms.third, weights) / (2.0 * curvature)
    return pull - n * weighted_mean(terms.slope, weights), -n * curvature


def firth_beta(
    gaps: Array | Gaps, start: float | None = None, weights: Array | None = None
) -> float | None:
    """Inverse temperature that the rows support, any real; None where every logit ties.

    Parameters
    ----------
    gaps : float array, shape (n, K), finite
    start : where to search from; the maximum-likelihood beta, if it is finite and above 0
    weights : relative importance of each row, shape (n,), >= 0; of 0, the row is not there

    Returns
    -------
    Exact to rounding. For n rows all right with one margin m it is ln(2 n + 1) / m, so that the
    confidence is (n + 1/2) / (n + 1). Below 0 where the labels are exchanged.

    >>> import numpy as np
    >>> float(firth_beta(np.array([[0.0, -2.0], [-2.0, 0.0]]))) * 2
    1.6094379124341
    """
    seen = gaps_of(gaps)
    if weights is not None and not (weights > 0.0).all():
        seen, weights = seen.take(weights > 0.0), weights[weights > 0.0]
    largest = seen.largest()
    if largest == 0.0:
        return None
    unit = power_of_two_below(
        largest
    )  # in units of about the largest gap any scale takes the same path
    n = effective_rows(seen.n, weights)
    return _root(seen.times(unit), n, weights, start / unit if start else None) * unit


def _root(gaps: Gaps, n: float, weights: Array | None, at: float | None) -> float:
    """The score's zero: Newton's where the start is close, Brent's elsewhere; many rows start on some."""
    score = functools.cache(lambda beta: _score(gaps, n, weights, beta))
    if at is None and gaps.n > MANY:
        rows = sample_rows(gaps.n)
        at = _root(gaps.take(rows), n, None if weights is None else weights[rows], None)
    at = at or 1.0
    near = _newton(score, at)
    return _brent(score, at) if near is None else near


def _newton(score: Score, at: float) -> float | None:
    """Steps that leave out the penalty's own slope: each is about n times the last; None if not."""
    last = CLOSE * abs(at)
    while True:
        height, slope = score(at)
        step = -height / slope if slope and math.isfinite(height) else math.inf
        if abs(step) > CLOSE * last:
            return None
        at += step
        if step * step <= EXACT * abs(at) * last:  # what the next step would be
            return at
        last = abs(step)


def _brent(score: Score, at: float) -> float:
    """Steps outwards, each twice the last, until two of them hold the zero; then Brent's method."""
    from scipy.optimize import brentq

    towards = math.copysign(1.0, score(at)[0])
    step = 0.5 * abs(at)
    other = at + towards * step
    while score(other)[0] * towards > 0.0:
        at, step = other, 2.0 * step
        other = at + towards * step
    finite = _finite_side(score, at, other)
    return float(brentq(lambda beta: score(beta)[0], at, finite, xtol=1e-300, rtol=EXACT))


def _finite_side(score: Score, inside: float, outside: float) -> float:
    """Pull the outer end of the bracket in until its score is finite; its sign stays."""
    sign = math.copysign(1.0, score(outside)[0])
    while not math.isfinite(score(outside)[0]):
        middle = 0.5 * (inside + outside)
        if math.copysign(1.0, score(middle)[0]) != sign:
            inside = middle
        else:
            outside = middle
    return outside
