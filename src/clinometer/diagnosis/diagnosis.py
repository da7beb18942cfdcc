"""The result of a diagnosis, and its JSON form."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.ledger import Line, settled
from clinometer.diagnosis.quantities import late_observations
from clinometer.diagnosis.rule import Evidence, Finding
from clinometer.records.recording import Recording

SCHEMA = 1


@dataclass(frozen=True)
class Diagnosis:
    """What is to be said about a run.

    Attributes
    ----------
    verdict : learning, learned, stuck, diverged, not-training or undecided
    because : the sentence
    findings : ordered by blame
    lines : the ledger, by depth
    unlined : weight layers without a ledger line, and why
    not_judged : (rule code, why)
    """

    recording: Recording
    verdict: str
    because: str
    course: Course
    findings: tuple[Finding, ...]
    lines: tuple[Line, ...]
    unlined: dict[str, str]
    not_judged: tuple[tuple[str, str], ...]

    @property
    def late(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """The observations that the printed ledger is the mean of: the last quarter of the run."""
        return late_observations(self.recording, self.course.bad_step)

    def to_dict(self) -> dict[str, Any]:
        """`report --json`, schema 1: strict JSON. null stands for "not judged", never for 0.

        A ledger factor that is exactly zero signal (minus infinity decades) is null, too, and is
        named in `zero`.
        """
        from clinometer import __version__

        return {
            "schema": SCHEMA,
            "clinometer": __version__,
            "run": self._run(),
            "verdict": self.verdict,
            "because": self.because,
            "loss": {
                "first": number(self.course.first),
                "last": number(self.course.last),
                "no_information": number(self.course.no_information),
            },
            "findings": [_finding(finding) for finding in self.findings],
            "ledger": [account(line, self.late) for line in self.lines],
            "not_judged": [
                *({"code": code, "why": why} for code, why in self.not_judged),
                *({"layer": layer, "why": why} for layer, why in self.unlined.items()),
                *({"why": note} for note in self.recording.notes),
            ],
        }

    def _run(self) -> dict[str, Any]:
        recording = self.recording
        overhead = recording.meta.get("overhead", {})
        return {
            "path": recording.path,
            "script": recording.meta.get("script"),
            "steps": recording.steps,
            "observed_steps": len(recording.observed),
            "ended": recording.ended,
            "overhead": {
                "measured": number(overhead.get("measured")),
                "interval": overhead.get("interval"),
                "budget": number(overhead.get("budget")),
            },
            "events": [
                {"step": event.step, "kind": event.kind, "text": event.text}
                for event in recording.events
            ],
        }


def account(line: Line, late: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> dict[str, Any]:
    """One ledger line for JSON: mean decades over the late observations."""
    factors = {name: settled(values, late) for name, values in line.factors.items()}
    total = settled(line.total, late)
    residual = total - sum(factors.values())
    return {
        "layer": line.layer,
        "factors": {name: number(value) for name, value in factors.items()},
        "total": number(total),
        "residual": number(residual),
        "zero": [name for name, value in factors.items() if math.isinf(value)],
    }


def number(value: float | None) -> float | None:
    """A number that strict JSON can hold; None for what is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def _finding(finding: Finding) -> dict[str, Any]:
    listed = asdict(finding)
    del listed["size"]
    return listed | {
        "layers": list(finding.layers),
        "steps": list(finding.steps),
        "remedies": list(finding.remedies),
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    said = asdict(evidence) | {"value": number(evidence.value), "limit": number(evidence.limit)}
    return said if said["value"] is not None else said | {"value_text": str(evidence.value)}
