"""The result of a diagnosis, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np

from clinometer.diagnosis.answers import DISCONNECTED, Answer
from clinometer.diagnosis.course import Course
from clinometer.diagnosis.json_rows import account, finding_row, number, through_time
from clinometer.diagnosis.ledger import Line
from clinometer.diagnosis.quantities import late_observations
from clinometer.diagnosis.rule import Finding
from clinometer.records.recording import Bool, Recording

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
    answers : why a gradient is small (learned, stuck or disconnected), by the tensor's name
    rules : how many rules there are
    """

    recording: Recording
    verdict: str
    because: str
    course: Course
    findings: tuple[Finding, ...]
    lines: tuple[Line, ...]
    unlined: dict[str, str]
    not_judged: tuple[tuple[str, str], ...]
    answers: Mapping[str, Answer] = field(default_factory=dict)
    rules: int = 0

    @cached_property
    def late(self) -> Bool:
        """The observations that the printed ledger is the mean of: the last quarter of the run."""
        return late_observations(self.recording, self.course.bad_step)

    @property
    def ledger(self) -> Ledger:
        """The ledger by itself: its lines, and what a notebook shows of them."""
        return Ledger(self)

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)

    @np.errstate(all="ignore")
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
            "findings": [finding_row(finding) for finding in self.findings],
            "ledger": self._ledger(),
            "disconnected": [
                {"parameter": answer.parameter, "why": answer.why}
                for answer in self.answers.values()
                if answer.word == DISCONNECTED
            ],
            "not_judged": [
                *({"code": code, "why": why} for code, why in self.not_judged),
                *({"layer": layer, "why": why} for layer, why in self.unlined.items()),
                *({"why": note} for note in self.recording.notes),
            ],
        }

    def _ledger(self) -> list[dict[str, Any]]:
        past = through_time(self.recording, self.late)
        rows = []
        for line in self.lines:
            row = account(line, self.late)
            answer = self.answers.get(line.parameter)
            row["answer"] = answer.word if answer is not None else None
            if (module := line.parameter.rpartition(".")[0]) in past:
                row["lags"] = past[module]
            rows.append(row)
        return rows

    def _run(self) -> dict[str, Any]:
        recording = self.recording
        overhead = recording.meta.get("overhead") or {}
        return {
            "path": recording.path,
            "script": recording.meta.get("script"),
            "steps": recording.steps,
            "observed_steps": len(recording.observed),
            "ended": recording.ended,
            "overhead": {
                "measured": number(overhead.get("measured")),
                "interval": [number(end) for end in overhead.get("interval") or ()] or None,
                "budget": number(overhead.get("budget")),
            },
            "events": [
                {"step": event.step, "kind": event.kind, "text": event.text}
                for event in recording.events
            ],
        }


@dataclass(frozen=True)
class Ledger(Sequence[Line]):
    """The lines of a run's ledger, by depth."""

    diagnosis: Diagnosis

    @overload
    def __getitem__(self, at: int) -> Line: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Line, ...]: ...
    def __getitem__(self, at: int | slice) -> Line | tuple[Line, ...]:
        return self.diagnosis.lines[at]

    def __len__(self) -> int:
        return len(self.diagnosis.lines)

    def _repr_html_(self) -> str:
        from clinometer import notebook_html  # by the front door: results know nothing of reports

        return notebook_html(self)
