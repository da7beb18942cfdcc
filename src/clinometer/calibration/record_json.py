"""Records and groups as JSON, the same from rows in memory and from running sums."""

from __future__ import annotations

from typing import Any, Protocol

from clinometer.calibration.claims import Record
from clinometer.calibration.confidence_verdict import VERDICTS


class Fit(Protocol):
    """A temperature fit, of rows or of sums."""

    @property
    def temperature(self) -> float | None: ...
    @property
    def status(self) -> str: ...


class Judged(Protocol):
    """A group by itself."""

    @property
    def name(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def record(self) -> Record: ...
    @property
    def fit(self) -> Fit: ...


def errors_json(record: Record) -> dict[str, Any]:
    """A record of errors, as confidences: the ends of the interval change places."""
    return {
        "claimed_error": record.claimed,
        "accuracy": 1.0 - record.counted,
        "interval": _accuracies(record),
        "worth_from": 1.0 - record.limits[1],
        "word": record.word,
        "n": record.n,
    }


def rates_json(record: Record) -> dict[str, Any]:
    """A record of how often a class occurs."""
    return {
        "claimed": record.claimed,
        "counted": record.counted,
        "interval": list(record.interval),
        "limits": list(record.limits),
    }


def group_json(group: Judged) -> dict[str, Any]:
    """One group's verdict with its figures."""
    return {
        "name": group.name,
        "n": group.n,
        "verdict": VERDICTS[group.record.word],
        "accuracy": 1.0 - group.record.counted,
        "mean_confidence": 1.0 - group.record.claimed,
        "interval": _accuracies(group.record),
        "temperature": {"value": group.fit.temperature, "status": group.fit.status},
    }


def _accuracies(record: Record) -> list[float]:
    return [1.0 - record.interval[1], 1.0 - record.interval[0]]
