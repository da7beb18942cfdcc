"""The temperature that fits best, and when there is none.

L(beta) = mean loss at inverse temperature beta is convex. Whether its minimum is at beta = 0,
at a finite place, or at infinity is decided before anything is fitted, so that a search limit is
never reported as a temperature. Source: Guo et al. (2017), PMLR 70; Cox (1958) for the slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clinometer.stats.gaps import Array, all_right, loss_without_temperature, row_terms

Status = Literal["finite", "infinite", "zero", "inverted"]
MAX_STEPS = 200  # safeguarded Newton halves its bracket at worst: more are never needed in float64


@dataclass(frozen=True, slots=True)
class TemperatureFit:
    """The best temperature T = 1 / beta, beta >= 0.

    Attributes
    ----------
    status : finite; zero (every row is right: the best T is 0); infinite (no signal: T is infinite);
        inverted (the sign of the logits is wrong: beta would be negative)
    beta : 1 / T [-]; inf, 0 and 0 for the three last
    rows : loss of each row at beta [nat]
    """

    status: Status
    beta: float
    rows: Array

    @property
    def temperature(self) -> float | None:
        """T where it is finite and above 0, else None: never a search limit."""
        return 1.0 / self.beta if self.status == "finite" else None

    @property
    def loss(self) -> float:
        """Mean loss at the best temperature: the refinement, as this scale family sees it [nat]."""
        return float(np.mean(self.rows))


def fit_temperature(gaps: Array) -> TemperatureFit:
    """Best temperature of logit gaps, shape (n, K), n >= 1 and K >= 2, finite.

    The minimum is exact to rounding (safeguarded Newton on the slope), unchanged in loss by any
    rescaling of the logits, and never worse than T = 1.

    >>> fit_temperature(np.array([[0.0, -2.0], [-2.0, 0.0]])).status
    'zero'
    """
    if all_right(gaps):
        return TemperatureFit("zero", math.inf, loss_without_temperature(gaps))
    start = row_terms(gaps, 0.0)
    if start.slope.mean() >= 0.0:
        return TemperatureFit(_no_signal(gaps, start.slope), 0.0, start.loss)
    beta = _minimum(gaps)
    if math.isinf(beta):
        return TemperatureFit("zero", beta, loss_without_temperature(gaps))
    best, given = row_terms(gaps, beta), row_terms(gaps, 1.0)
    rows = given.loss if given.loss.mean() <= best.loss.mean() else best.loss  # equal to rounding
    return TemperatureFit("finite", beta, rows)


def _no_signal(gaps: Array, slope: Array) -> Status:
    """Inverted where the slope at beta = 0 is above 0 by two standard errors, or every row wrong."""
    if all_right(-gaps):
        return "inverted"
    spread = slope.std(ddof=1) / math.sqrt(len(slope)) if len(slope) > 1 else math.inf
    return "inverted" if slope.mean() > 2.0 * spread else "infinite"


def _minimum(gaps: Array) -> float:
    """Root of the slope of L; inf where no float64 brackets it (right up to rounding)."""
    low, high = 0.0, 1.0 / float(np.abs(gaps).max())
    while row_terms(gaps, high).slope.mean() < 0.0:
        low, high = high, 2.0 * high
        if not math.isfinite(high * float(np.abs(gaps).max())):
            return math.inf
    beta = 0.5 * (low + high)
    for _ in range(MAX_STEPS):
        terms = row_terms(gaps, beta)
        slope, curvature = float(terms.slope.mean()), float(terms.curvature.mean())
        low, high = (beta, high) if slope < 0.0 else (low, beta)
        step = slope / curvature if curvature > 0.0 else math.inf
        newton = beta - step
        following = newton if low < newton < high else 0.5 * (low + high)
        if abs(following - beta) <= 1e-15 * beta:
            return following
        beta = following
    return beta
