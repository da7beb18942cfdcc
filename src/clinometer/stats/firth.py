"""The scale that a few rows support: Firth's penalised likelihood (Jeffreys prior).

beta_F maximises -n L(beta) + 1/2 ln sum_i v_i(beta), v the curvature of each row's loss. It is finite
also where every row is right, needs no tuning constant, and beta_F(c z) = beta_F(z) / c.
Sources: Firth (1993), Biometrika 80(1); Heinze and Schemper (2002), Statistics in Medicine 21.
"""

from __future__ import annotations

import math

import numpy as np

from clinometer.stats.gaps import Array, row_terms


def firth_score(gaps: Array, beta: float) -> float:
    """Slope in beta of the penalised log-likelihood: -sum g + sum kappa3 / (2 sum v)."""
    terms = row_terms(gaps, beta)
    curvature = float(terms.curvature.sum())
    if curvature == 0.0:  # underflow: only reached far outside, where beta pulls back to 0
        return -math.copysign(math.inf, beta)
    return float(-terms.slope.sum() + terms.third.sum() / (2.0 * curvature))


def firth_beta(gaps: Array, start: float | None = None) -> float | None:
    """Inverse temperature that the rows support, any real; None where every logit ties.

    Parameters
    ----------
    gaps : float array, shape (n, K), finite
    start : where to search from; the maximum-likelihood beta, if it is finite and above 0

    Returns
    -------
    Exact to rounding. For n rows all right with one margin m it is ln(2 n + 1) / m, so that the
    confidence is (n + 1/2) / (n + 1). Below 0 where the labels are exchanged.

    >>> float(firth_beta(np.array([[0.0, -2.0], [-2.0, 0.0]]))) * 2
    1.6094379124341
    """
    from scipy.optimize import brentq

    largest = float(np.abs(gaps).max())
    if largest == 0.0:
        return None
    unit = gaps / largest  # searched in units of the largest gap, so any scale takes the same path
    at = start * largest if start else 1.0
    score = firth_score(unit, at)
    towards = math.copysign(1.0, score)
    step = abs(at) * 0.5
    other = at + towards * step
    while firth_score(unit, other) * towards > 0.0:
        at, step = other, 2.0 * step
        other = at + towards * step
    finite = _finite_side(unit, at, other)
    root = brentq(lambda beta: firth_score(unit, beta), at, finite, xtol=1e-300, rtol=1e-15)
    return float(root) / largest


def _finite_side(gaps: Array, inside: float, outside: float) -> float:
    """Pull the outer end of the bracket in until its score is finite; its sign stays."""
    sign = math.copysign(1.0, firth_score(gaps, outside))
    while not math.isfinite(firth_score(gaps, outside)):
        middle = 0.5 * (inside + outside)
        if math.copysign(1.0, firth_score(gaps, middle)) != sign:
            inside = middle
        else:
            outside = middle
    return outside
