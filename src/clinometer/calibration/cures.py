"""Settings of a training whose optimum has the earned scale and no larger one.

Both are read from the optimum along the separator that is there: a training that turns it as well
ends elsewhere. Which of them helps a given run is what a trial is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinometer.calibration.earned import Claim
from clinometer.calibration.predictions import Predictions
from clinometer.stats.gaps import Array, Gaps, row_terms
from clinometer.stats.weighting import weighted_mean


@dataclass(frozen=True)
class Cures:
    """Settings that would end at the earned scale; None where there is none, or no linear model's weights.

    temperature : divides the logits, after the training; label_smoothing, l2 : of a training anew
    """

    temperature: float | None
    label_smoothing: float | None
    l2: float | None

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        return {
            "temperature": self.temperature,
            "label_smoothing": self.label_smoothing,
            "l2": self.l2,
        }


def cures(model: Predictions, claim: Claim) -> Cures:
    """Read them from a model's predictions and what its rows support."""
    if claim.temperature is None or claim.confidence is None or claim.beta is None:
        return Cures(None, None, None)
    smoothing = label_smoothing(1.0 - claim.confidence, model.logits.shape[1])
    l2 = None
    if model.linear is not None and model.linear.weight.any():
        gaps = Gaps(model.logits, model.labels)
        l2 = l2_penalty(gaps, claim.beta, model.linear.weight, model.weights)
    return Cures(claim.temperature, smoothing if smoothing < 1.0 else None, l2)


def label_smoothing(error: float, classes: int) -> float:
    """Smoothing at which an always right model is best off claiming this mean error [-].

    Targets (1 - eps) y + eps / K are met exactly by p = 1 - eps (K - 1) / K (Müller et al. 2019).

    >>> label_smoothing(1 / 6, 2)
    0.33333333
    """
    return error * classes / (classes - 1)


def l2_penalty(
    gaps: Array | Gaps, beta: float, weight: Array, weights: Array | None = None
) -> float:
    """Coefficient lambda of lambda sum(w^2) that stops beta times these weights from growing or shrinking.

    Parameters
    ----------
    gaps : logit gaps (n, K) of the linear model with this `weight` (K, d) or (1, d), no bias in the sum
    beta : factor on the weights that is to be the optimum along their direction, above 0

    >>> import numpy as np
    >>> l2_penalty(np.array([[-2.0, 0.0], [0.0, -2.0]]), 1.0, np.array([[1.0, 1.0]]))
    0.05960146
    """
    slope = weighted_mean(row_terms(gaps, beta).slope, weights)
    return -slope / (2.0 * beta * float((weight**2).sum()))
