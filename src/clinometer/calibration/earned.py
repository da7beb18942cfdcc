"""Case 4: what the observations support, against what the model claims.

Cover (1965), IEEE Trans. Electronic Computers EC-14: of n points in d dimensions nearly every labelling
is linearly separable while n <= 2 d, so being right on the training points is then no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.calibration.predictions import Labels
from clinometer.stats.binomial import guarantee, points_needed
from clinometer.stats.break_even import break_even_error_rate
from clinometer.stats.firth import firth_beta
from clinometer.stats.gaps import Array, logit_gaps, row_terms
from clinometer.stats.temperature import TemperatureFit

GENEROUS = (
    "If these points also chose the separator, even this is generous: while n <= 2 d, nearly every "
    "labelling of n points in d dimensions can be separated (Cover 1965)."
)


@dataclass(frozen=True)
class Claim:
    """One model's claim against its record.

    right, n : examples decided right, of how many
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


def claim(logits: Array, labels: Labels, fit: TemperatureFit, alpha: float = 0.05) -> Claim:
    """Judge logits (n, K) against labels (n,); `fit` is their best temperature."""
    gaps = logit_gaps(logits, labels)
    decided = logits.argmax(axis=1)
    right = int((decided == labels).sum())
    own = logit_gaps(logits, decided)
    error = float(np.mean(error_of(own, 1.0)))
    beta = firth_beta(gaps, fit.beta if fit.status == "finite" else None)
    earned = None if beta is None else 1.0 - float(np.mean(error_of(own, beta)))
    n = len(labels)
    return Claim(
        right, n, error, beta, earned, guarantee(right, n, alpha), points_needed(error, alpha)
    )


def error_of(gaps: Array, beta: float) -> Array:
    """1 - p of each row's reference class at inverse temperature beta, exact where it is tiny [-]."""
    return np.asarray(-np.expm1(-row_terms(gaps, beta).loss))


def break_even(a: Array, b: Array) -> float | None:
    """Error rate below which the steeper of two two-class models that decide alike is the better one.

    None where they have more than two classes, decide some row differently, or are equally steep.
    """
    decided = a.argmax(axis=1)
    if a.shape[1] != 2 or bool((decided != b.argmax(axis=1)).any()):
        return None
    own = [logit_gaps(z, decided) for z in (a, b)]
    loss_a, loss_b = (float(np.mean(row_terms(gaps, 1.0).loss)) for gaps in own)
    margin_a, margin_b = (float(np.mean(-gaps.min(axis=1))) for gaps in own)
    return break_even_error_rate((loss_a, loss_b), (margin_a, margin_b))
