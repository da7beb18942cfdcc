"""Case 4: what the observations support, against what the model claims.

Cover (1965), IEEE Trans. Electronic Computers EC-14: of n points in d dimensions nearly every labelling
is linearly separable while n <= 2 d, so being right on the training points is then no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.binomial import guarantee, points_needed
from clinometer.stats.break_even import break_even_error_rate
from clinometer.stats.firth import firth_beta
from clinometer.stats.gaps import Array, Gaps, Labels, logit_gaps, row_losses
from clinometer.stats.temperature import TemperatureFit
from clinometer.stats.weighting import effective_rows, weighted_mean

GENEROUS = (
    "If these points also chose the separator, even this is generous: while n <= 2 d, nearly every "
    "labelling of n points in d dimensions can be separated (Cover 1965)."
)


@dataclass(frozen=True)
class Claim:
    """One model's claim against its record.

    right, n : examples decided right, of how many (those of weight 0 left out)
    error : mean claimed error, 1 - probability of the decision, kept as small as it is [-]
    beta, confidence : Firth's inverse temperature, and the mean confidence it leaves [-]
    guarantee : Clopper-Pearson lower limit of the success rate on fresh points [-]
    points_needed : fresh faultless points that would support the claim; None for a claimed error of 0
    """

    right: int
    n: int
    error: float
    beta: float | None
    confidence: float | None
    guarantee: float
    points_needed: int | None

    @property
    def temperature(self) -> float | None:
        """T = 1 / beta that would make the confidence an earned one; None where beta <= 0."""
        return 1.0 / self.beta if self.beta is not None and self.beta > 0.0 else None


def claim(
    logits: Array,
    labels: Labels,
    fit: TemperatureFit,
    alpha: float = 0.05,
    weights: Array | None = None,
) -> Claim:
    """Judge logits (n, K) against labels (n,); `fit` is their best temperature.

    With row weights (n,) means are weighted, and the guarantee is that of as many effective rows.
    """
    decided = logits.argmax(axis=1)
    hits = decided == labels
    own = Gaps(logits, decided)
    error = weighted_mean(error_of(own, 1.0), weights)
    beta = firth_beta(
        Gaps(logits, labels), fit.beta if fit.status == "finite" else None, weights=weights
    )
    earned = None if beta is None else 1.0 - weighted_mean(error_of(own, beta), weights)
    counted = hits if weights is None else hits[weights > 0.0]
    right, n = int(counted.sum()), len(counted)
    sure = guarantee(*_effective(hits, weights), alpha)
    return Claim(right, n, error, beta, earned, sure, points_needed(error, alpha))


def _effective(hits: NDArray[np.bool_], weights: Array | None) -> tuple[float, float]:
    """Right answers of how many, in effective rows; all of them exactly where all are right."""
    if weights is None:
        return int(hits.sum()), len(hits)
    n = effective_rows(len(hits), weights)
    if hits[weights > 0.0].all():
        return n, n
    return n * weighted_mean(hits.astype(np.float64), weights), n


def error_of(gaps: Array | Gaps, beta: float) -> Array:
    """1 - p of each row's reference class at inverse temperature beta, exact where it is tiny [-]."""
    return np.asarray(-np.expm1(-row_losses(gaps, beta)))


def break_even(a: Array, b: Array, weights: Array | None = None) -> float | None:
    """Error rate below which the steeper of two two-class models that decide alike is the better one.

    None where they have more than two classes, decide some row differently, or are equally steep.
    """
    if a.shape[1] != 2:
        return None
    decided = a.argmax(axis=1)
    if bool((decided != b.argmax(axis=1)).any()):
        return None
    own = [logit_gaps(z, decided) for z in (a, b)]
    loss_a, loss_b = (weighted_mean(row_losses(gaps, 1.0), weights) for gaps in own)
    margin_a, margin_b = (weighted_mean(-gaps.min(axis=1), weights) for gaps in own)
    return break_even_error_rate((loss_a, loss_b), (margin_a, margin_b))
