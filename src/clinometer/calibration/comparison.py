"""The result of comparing two models: a word, a sentence, and the numbers behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

from clinometer.calibration.cures import cures
from clinometer.calibration.earned import GENEROUS, Claim
from clinometer.calibration.linear import Proportion
from clinometer.calibration.predictions import Predictions
from clinometer.calibration.split import Part, Split
from clinometer.calibration.verdict import Verdict
from clinometer.stats.temperature import TemperatureFit

SCHEMA = 1
AGREE = 1e-9  # two earned confidences nearer than this are printed as one
T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; `to_dict()` is the JSON of `clinometer compare --json`.

    verdict : same separator | only scale | better separation | both | undecided
    because : one sentence
    notes : what the numbers do not show by themselves
    """

    verdict: str
    because: str
    a: Predictions
    b: Predictions
    line: Proportion
    split: Split
    fits: tuple[TemperatureFit, TemperatureFit]
    claims: tuple[Claim, Claim]
    judgement: Verdict
    break_even_error_rate: float | None
    logit_budget: float
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return self.a.n

    @property
    def earned_confidence(self) -> float | None:
        """The confidence that the rows support [-]; None where A and B earn different ones."""
        a, b = (claim.confidence for claim in self.claims)
        return a if a is not None and b is not None and abs(a - b) <= AGREE else None

    @property
    def guarantee(self) -> float | None:
        """95 % lower limit of the success rate [-]; None where A and B are right on different counts."""
        a, b = (claim.guarantee for claim in self.claims)
        return a if a == b else None

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON, schema 1: None for what was not judged, never NaN or infinity."""
        split, line = self.split, self.line
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "because": self.because,
            "better": self.judgement.better,
            "rows_to_decide": self.judgement.rows_to_decide,
            "n": self.n,
            "loss": {"a": split.loss_a, "b": split.loss_b, "difference": split.difference},
            "separation": _part(split.separation, zero_width=line.same_separator),
            "scale": _part(split.scale),
            "split": split.method,
            "linear": {
                "angle_rad": line.angle_rad,
                "scale": line.scale,
                "residual": line.residual,
                "tolerance": line.tolerance,
                "basis": line.basis,
                "data_cosine": line.data_cosine,
                "decisions_differ": line.decisions_differ,
            },
            "temperature": _both(
                self.fits, lambda fit: {"value": fit.temperature, "status": fit.status}
            ),
            "earned": self._earned(),
            "notes": list(self.notes),
        }

    def _earned(self) -> dict[str, Any]:
        settings = cures(self.a, self.claims[0]), cures(self.b, self.claims[1])
        return {
            "confidence": self.earned_confidence,
            "guarantee": self.guarantee,
            "temperature": _both(self.claims, lambda c: c.temperature),
            "label_smoothing": _both(settings, lambda c: c.label_smoothing),
            "l2": _both(settings, lambda c: c.l2),
            "points_needed": _both(self.claims, lambda c: c.points_needed),
            "break_even_error_rate": self.break_even_error_rate,
            "logit_budget": self.logit_budget,
            "right": _both(self.claims, lambda c: c.right),
            "claimed_error": _both(self.claims, lambda c: c.error),
            "confidences": _both(self.claims, lambda c: c.confidence),
            "guarantees": _both(self.claims, lambda c: c.guarantee),
            "caution": GENEROUS,
        }

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)


def _both(pair: tuple[T, T], of: Any) -> dict[str, Any]:
    return {"a": of(pair[0]), "b": of(pair[1])}


def _part(part: Part, zero_width: bool = False) -> dict[str, Any]:
    """A part as JSON; one separator has no sampling error of its separation, which is 0 on any data."""
    ends: tuple[float | None, float | None] = part.interval or (None, None)
    if zero_width:
        ends = (part.difference, part.difference)
    return {
        "difference": part.difference,
        "interval": [end if end is not None and math.isfinite(end) else None for end in ends],
    }
