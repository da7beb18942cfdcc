"""One checkpoint of a run on its held-out rows: loss, its two parts, temperature, accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.calibration.predictions import LARGEST_LOGIT, Predictions
from clinometer.stats.gaps import Gaps
from clinometer.stats.temperature import TemperatureFit, fit_temperature
from clinometer.stats.weighting import weighted_mean

NOT_FINITE = "not finite"


@dataclass(frozen=True)
class Epoch:
    """loss = refinement + scale [nat], each None where it is not judged.

    name : as given, or the number of the checkpoint from 1
    temperature : the best one; None where there is none, and `status` says why: finite, or zero (every row
    is right), infinite (no signal), inverted, not finite (logits of NaN or infinity); from running
    sums also below, above (outside the nodes) and empty
    accuracy : share of right decisions [-]; not_finite : rows with a logit that is no finite number
    """

    name: str
    loss: float | None
    refinement: float | None
    scale: float | None
    temperature: float | None
    status: str
    accuracy: float | None
    not_finite: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON: None where nothing was judged."""
        return {
            "name": self.name,
            "loss": self.loss,
            "refinement": self.refinement,
            "scale": self.scale,
            "temperature": {"value": self.temperature, "status": self.status},
            "accuracy": self.accuracy,
            "not_finite": self.not_finite,
        }


@dataclass(frozen=True)
class Seen:
    """A checkpoint with its rows: their logits seen from the label's, and their best temperature."""

    epoch: Epoch
    gaps: Gaps
    fit: TemperatureFit


def judged_epoch(name: str, model: Predictions) -> Seen:
    """Judge one checkpoint, rows of weight 0 left out beforehand."""
    gaps = Gaps(model.logits, model.labels)
    fit = fit_temperature(gaps, model.weights)
    right = (model.logits.argmax(axis=1) == model.labels).astype(np.float64)
    epoch = Epoch(
        name,
        loss=weighted_mean(fit.given, model.weights),
        refinement=fit.loss,
        scale=fit.scale,
        temperature=fit.temperature,
        status=fit.status,
        accuracy=weighted_mean(right, model.weights),
    )
    return Seen(epoch, gaps, fit)


def broken_epoch(name: str, logits: Any) -> Epoch | None:
    """The finding that some rows of logits (n, K) or (n,) are not finite; None where all are."""
    z = np.asarray(logits, dtype=np.float64)
    bad = ~(np.abs(z) <= LARGEST_LOGIT)
    if not bad.any():
        return None
    rows = int(bad.any(axis=1).sum()) if z.ndim == 2 else int(bad.sum())
    return Epoch(name, None, None, None, None, NOT_FINITE, None, rows)


def epoch_of_sums(name: str, found: Any) -> Epoch:
    """An epoch from running sums (a `RunningFit`, what a validation metric computes)."""
    blank = found.status in {NOT_FINITE, "empty"}
    return Epoch(
        name,
        loss=None if blank else found.loss,
        refinement=found.refinement,
        scale=found.scale,
        temperature=found.temperature,
        status=found.status,
        accuracy=None if blank else found.accuracy,
        not_finite=found.not_finite,
    )
