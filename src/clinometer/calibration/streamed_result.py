"""The answer of a streamed judgement: what running sums can say, and what they cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinometer.calibration.claims import Record
from clinometer.calibration.confidence_verdict import Decision
from clinometer.calibration.record_json import errors_json, group_json, rates_json
from clinometer.stats.running_fit import RunningFit

SCHEMA = 1


@dataclass(frozen=True)
class Price:
    """What the claim would cost; the confidence that the rows support needs the rows themselves."""

    points_needed: int | None
    guarantee: float
    confidence: float | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class StreamedGroup:
    """One group's sums judged by themselves; record at alpha / (number of groups)."""

    name: str
    n: int
    record: Record
    fit: RunningFit

    @property
    def overstated(self) -> float:
        """Mean claimed confidence less the share that is right [-]."""
        return self.record.counted - self.record.claimed


@dataclass(frozen=True)
class Streamed:
    """One model judged in one pass over its predictions; `to_dict()` is the JSON of `clinometer confidence`.

    Attributes
    ----------
    verdict, because, decision, whole, between, groups, classes : as in `Confidence`
    fit : loss, scale, refinement and temperature from running sums, within the error stated there
    logit_budget : log-odds that so many faultless rows support; None where the rows were not counted first
    not_judged : (field, why) for what sums cannot say
    files, passes : what was read, and how often; rows_read, rows_there : of how many, where interrupted
    """

    verdict: str
    because: str
    source: str
    decision: Decision
    whole: Record
    between: Record | None
    groups: tuple[StreamedGroup, ...]
    classes: tuple[tuple[int, Record], ...]
    claim: Price
    fit: RunningFit
    class_names: tuple[str, ...] | None
    logit_budget: float
    alpha: float
    margin: float
    files: int
    passes: int
    rows_read: int
    rows_there: int
    not_judged: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Rows judged, those of weight 0 left out."""
        return self.fit.rows

    @property
    def accuracy(self) -> float:
        """Share of the rows that is right [-]."""
        return self.fit.accuracy

    @property
    def mean_confidence(self) -> float:
        """Mean probability of the decision [-]."""
        return self.fit.confidence

    @property
    def complete(self) -> bool:
        """Whether every row was read."""
        return self.rows_read == self.rows_there

    def class_name(self, k: int) -> str:
        """Name of a class, or its number."""
        return str(k) if self.class_names is None else self.class_names[k]

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON, schema 1: None for what was not judged, with the reason in `not_judged`."""
        fit = self.fit
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
            "surest_tenth": None,
            "loss": self._loss(),
            "temperature": {
                "value": fit.temperature,
                "interval": list(self.temperature_interval or (None, None)),
                "status": fit.status,
            },
            "ece": fit.ece,
            "logit_budget": {"value": self.logit_budget, "beyond": fit.beyond},
            "earned": {
                "confidence": None,
                "guarantee": self.claim.guarantee,
                "points_needed": self.claim.points_needed,
                "temperature": None,
            },
            "groups": [group_json(group) for group in self.groups],
            "classes": [{"name": self.class_name(k)} | rates_json(one) for k, one in self.classes],
            "notes": list(self.notes),
            "not_judged": [{"what": what, "why": why} for what, why in self.not_judged],
            "streamed": {
                "source": self.source,
                "files": self.files,
                "passes": self.passes,
                "rows_read": self.rows_read,
                "rows_there": self.rows_there,
                "complete": self.complete,
            },
        }

    @property
    def temperature_interval(self) -> tuple[float, float | None] | None:
        """Of T, for rows that are independent; none where groups say that they are not."""
        return None if self.groups else self.fit.interval

    def _loss(self) -> dict[str, float | None]:
        """Total = scale + refinement, with the optimism of the fit moved from the one to the other."""
        scale, refinement = self.fit.scale, self.fit.refinement
        if scale is not None and refinement is not None:
            scale = max(scale - (self.fit.optimism or 0.0), 0.0)
            refinement = self.fit.loss - scale
        parts: dict[str, float | None] = {"total": self.fit.loss, "scale": scale}
        return parts | {"shift": None, "shape": None, "refinement": refinement}

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)
