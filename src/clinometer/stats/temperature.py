"""The temperature that fits best, its interval, and when there is none.

L(beta) = mean loss at inverse temperature beta is convex. Whether its minimum is at beta = 0,
at a finite place, or at infinity is decided before anything is fitted, so that a search limit is
never reported as a temperature. Sources: Guo et al. (2017), PMLR 70; Cox (1958) for the slope;
Takeuchi (1976) for the optimism; Huber (1967) for the sandwich.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.blocks import Gaps, gaps_of, power_of_two_below
from clinometer.stats.gaps import Array, RowTerms, loss_without_temperature, row_losses, row_terms
from clinometer.stats.root import slope_root
from clinometer.stats.weighting import (
    effective_rows,
    mean_square,
    variance_of_mean,
    weighted_mean,
)

Status = Literal["finite", "infinite", "zero", "inverted"]
Interval = tuple[float, float]
SIGNIFICANT = (
    2.0  # standard errors by which the slope at beta = 0 must be positive to be called inverted
)


@dataclass(frozen=True, slots=True)
class TemperatureFit:
    """The best temperature T = 1 / beta, beta >= 0.

    Attributes
    ----------
    status : finite; zero (every row is right: the best T is 0); infinite (no signal: T is infinite);
        inverted (the sign of the logits is wrong: beta would be negative)
    beta : 1 / T [-]; inf, 0 and 0 for the three last
    rows : loss of each row at beta [nat]
    given : loss of each row at T = 1, the logits as they are [nat]
    slopes : derivative of each row's loss in beta, at beta; None where status is zero
    weights : relative importance of each row; None where all are equal
    n_effective : rows that equal weights would need for the same information
    slope_square : J, mean of slopes^2 (under squared weights) at beta; None unless finite
    curvature : H, mean second derivative of the loss at beta; None unless finite
    optimism : J / (2 n H), by which the fit flatters its own rows [nat]; None unless finite
    relative_error : standard error of beta over beta, sqrt(J / n) / (H beta) [-]; None unless finite
    """

    status: Status
    beta: float
    rows: Array
    given: Array
    weights: Array | None
    n_effective: float
    slopes: Array | None = None
    slope_square: float | None = None
    curvature: float | None = None
    optimism: float | None = None
    relative_error: float | None = None

    @property
    def temperature(self) -> float | None:
        """T where it is finite and above 0, else None: never a search limit."""
        return 1.0 / self.beta if self.status == "finite" else None

    @property
    def loss(self) -> float:
        """Mean loss at the best temperature: the refinement, as this scale family sees it [nat]."""
        return weighted_mean(self.rows, self.weights)

    @property
    def scale(self) -> float:
        """Mean loss at T = 1 less that at the best temperature, >= 0 [nat]."""
        return max(weighted_mean(self.given, self.weights) - self.loss, 0.0)

    def beta_interval(self, alpha: float = 0.05) -> Interval | None:
        """Two-sided Student interval of beta [-]; None unless the fit is finite, with two rows or more.

        Source: the sandwich. Its coverage is measured in `benchmarks/interval_coverage.py`.
        """
        if self.relative_error is None or not math.isfinite(self.relative_error):
            return None
        from scipy.special import stdtrit

        quantile = float(stdtrit(self.n_effective - 1.0, 1.0 - alpha / 2))
        half = self.beta * self.relative_error * quantile
        return (self.beta - half, self.beta + half)

    def interval(self, alpha: float = 0.05) -> tuple[float, float | None] | None:
        """The same for T: (low, high); high is None where T is unbounded above (beta may be 0)."""
        ends = self.beta_interval(alpha)
        return None if ends is None else (1.0 / ends[1], 1.0 / ends[0] if ends[0] > 0.0 else None)

    def scale_test(self) -> float | None:
        """p-value of T = 1: the likelihood ratio 2 n S against chi-square with 1 degree (Wilks 1938).

        None unless the fit is finite. With weights n is the effective one.
        """
        finite = self.status == "finite"
        return math.erfc(math.sqrt(self.n_effective * self.scale)) if finite else None


def fit_temperature(gaps: Array | Gaps, weights: Array | None = None) -> TemperatureFit:
    """Best temperature of logit gaps, shape (n, K), n >= 1 and K >= 2, finite.

    The minimum is exact to rounding (safeguarded Halley steps on the slope), unchanged in loss by any
    rescaling of the logits, and never worse than T = 1. Weights (n,) are >= 0 and not all 0; a weight
    of 0 removes its row from every decision.

    >>> fit_temperature(np.array([[0.0, -2.0], [-2.0, 0.0]])).status
    'zero'
    """
    seen = gaps_of(gaps)
    if weights is not None and not (weights > 0.0).all():
        return _for_all(seen, weights, fit_temperature(*_counted(seen, weights)))
    highest, lowest, flat = _look(seen)
    found = TemperatureFit(
        "zero", math.inf, flat, row_losses(seen, 1.0), weights, effective_rows(seen.n, weights)
    )
    if highest <= 0.0 and lowest < 0.0:
        return replace(found, rows=loss_without_temperature(seen))
    if weighted_mean(flat, weights) >= 0.0:
        status = _no_signal(highest, lowest, flat, weights)
        return replace(found, status=status, beta=0.0, rows=row_losses(seen, 0.0), slopes=flat)
    unit = power_of_two_below(max(highest, -lowest))
    beta, terms = slope_root(seen.times(unit), weights)
    if math.isinf(beta * unit):
        return replace(found, rows=loss_without_temperature(seen))
    return _finite(found, beta, unit, terms)


def _finite(found: TemperatureFit, beta: float, unit: float, terms: RowTerms) -> TemperatureFit:
    """The fit from terms at the root, in units in which every power of a gap is finite."""
    weights = found.weights
    square = mean_square(terms.slope, weights)
    curvature = weighted_mean(terms.curvature, weights)
    variance = square / found.n_effective
    flat = curvature <= 0.0  # underflow: right up to rounding
    best = weighted_mean(terms.loss, weights) <= weighted_mean(found.given, weights)
    return replace(
        found,
        status="finite",
        beta=beta * unit,
        rows=terms.loss if best else found.given,  # equal to rounding
        slopes=terms.slope / unit,
        slope_square=square / unit / unit,
        curvature=curvature / unit / unit,
        optimism=None if flat else variance / (2.0 * curvature),
        relative_error=None
        if flat or found.n_effective < 2.0
        else math.sqrt(variance) / (curvature * beta),
    )


def _look(gaps: Gaps) -> tuple[float, float, Array]:
    """Highest and lowest gap of all rows, and each row's slope at beta = 0 (n,): its mean gap."""
    highest, lowest, flat = 0.0, 0.0, np.empty(gaps.n)
    for rows, others in gaps.blocks():
        highest = max(highest, float(others.max()))
        lowest = min(lowest, float(others.min()))
        flat[rows] = others.sum(axis=0) / gaps.classes
    return highest, lowest, flat


def _no_signal(highest: float, lowest: float, flat: Array, weights: Array | None) -> Status:
    """Inverted where the slope at beta = 0 is above 0 by two standard errors, or every row wrong."""
    if lowest >= 0.0 and highest > 0.0:
        return "inverted"
    unit = power_of_two_below(max(highest, -lowest))
    error = math.sqrt(variance_of_mean(flat * unit, weights))
    return "inverted" if weighted_mean(flat * unit, weights) > SIGNIFICANT * error else "infinite"


def _counted(gaps: Gaps, weights: Array) -> tuple[Gaps, Array]:
    kept: NDArray[np.bool_] = weights > 0.0
    return gaps.take(kept), weights[kept]


def _for_all(gaps: Gaps, weights: Array, fit: TemperatureFit) -> TemperatureFit:
    """A fit of the counted rows, with what it says of the others, which enter no mean."""
    rows = loss_without_temperature(gaps) if math.isinf(fit.beta) else row_losses(gaps, fit.beta)
    rows[weights > 0.0] = fit.rows
    slopes = None if fit.slopes is None else row_terms(gaps, fit.beta).slope
    return replace(fit, rows=rows, given=row_losses(gaps, 1.0), slopes=slopes, weights=weights)
