"""The answer of `confidence`: one model's claims, its loss and its temperature, with a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinometer.calibration.claims import Record
from clinometer.calibration.confidence_verdict import Decision
from clinometer.calibration.cures import cures
from clinometer.calibration.earned import Claim
from clinometer.calibration.groups import Group
from clinometer.calibration.ladder import Ladder
from clinometer.calibration.predictions import Predictions
from clinometer.calibration.record_json import errors_json, group_json, rates_json
from clinometer.stats.leverage import Leverage
from clinometer.stats.temperature import TemperatureFit

SCHEMA = 1


@dataclass(frozen=True)
class Confidence:
    """What `confidence` found; `to_dict()` is the JSON of `clinometer confidence --json`.

    Attributes
    ----------
    verdict : earned | unearned (refuted by the rows) | unproven (too few rows for the claim) | undecided
    because : one sentence
    whole : claimed and counted errors, rows independent
    between : the same with whole groups as the unit; None without groups, or where no interval is possible
    surest : the same for the tenth of the rows that is surest
    classes : (number, record) of the classes whose claimed frequency the rows refute
    groups : each group by itself, the most overstated first
    claim : what the rows support (Firth), guarantee, price of the claim
    fit, ladder, leverage : best temperature, parts of the loss, the row of most influence
    temperature_interval : of T, by whole groups where there are some; an open end is None
    ece : expected calibration error, 15 bins of equal width [-]
    logit_budget, beyond_budget : log-odds that so many faultless rows support; rows that claim more
    """

    verdict: str
    because: str
    predictions: Predictions
    decision: Decision
    whole: Record
    between: Record | None
    surest: Record
    classes: tuple[tuple[int, Record], ...]
    groups: tuple[Group, ...]
    claim: Claim
    fit: TemperatureFit
    temperature_interval: tuple[float, float | None] | None
    ladder: Ladder
    leverage: Leverage | None
    ece: float
    logit_budget: float
    beyond_budget: int
    alpha: float
    margin: float
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Rows, those of weight 0 left out."""
        return self.predictions.n

    @property
    def accuracy(self) -> float:
        """Share of the rows that is right [-]."""
        return 1.0 - self.whole.counted

    @property
    def mean_confidence(self) -> float:
        """Mean probability of the decision [-]."""
        return 1.0 - self.whole.claimed

    def class_name(self, k: int) -> str:
        """Name of a class, or its number."""
        names = self.predictions.classes
        return str(k) if names is None else names[k]

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON, schema 1: None for what was not judged, never NaN or infinity."""
        fit, parts, budget = self.fit, self.ladder, self.logit_budget
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "because": self.because,
            "basis": self.decision.basis,
            "n": self.n,
            "accuracy": self.accuracy,
            "mean_confidence": self.mean_confidence,
            "margin": self.margin,
            "claim": errors_json(self.whole),
            "between_groups": self.between and errors_json(self.between),
            "surest_tenth": errors_json(self.surest),
            "loss": {
                "total": parts.total,
                "scale": parts.scale,
                "shift": parts.shift,
                "shape": parts.shape,
                "refinement": parts.refinement,
                "optimism": dict(parts.optimism),
                "intervals": {name: ends and list(ends) for name, ends in parts.intervals.items()},
                "p_values": dict(parts.p_values),
            },
            "temperature": {
                "value": fit.temperature,
                "interval": list(self.temperature_interval or (None, None)),
                "status": fit.status,
            },
            "ece": self.ece,
            "logit_budget": {"value": budget, "beyond": self.beyond_budget},
            "earned": {
                "confidence": self.claim.confidence,
                "guarantee": self.claim.guarantee,
                "points_needed": self.claim.points_needed,
                **cures(self.predictions, self.claim).to_dict(),
            },
            "groups": [group_json(group) for group in self.groups],
            "classes": [{"name": self.class_name(k)} | rates_json(one) for k, one in self.classes],
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)
