"""Rows of `report --json`: strict JSON. null stands for "not judged", never for 0."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from clinometer.diagnosis.lags import lags
from clinometer.diagnosis.line import Line
from clinometer.diagnosis.paths import plain
from clinometer.diagnosis.rates import rate
from clinometer.diagnosis.rule import Evidence, Finding
from clinometer.diagnosis.scale import settled
from clinometer.records.recording import Bool, Recording


def account(line: Line, late: Bool) -> dict[str, Any]:
    """One ledger line for JSON: mean decades over the late observations."""
    factors = {name: settled(values, late) for name, values in line.factors.items()}
    total = settled(line.total, late)
    factor, decades = line.blame(late)
    return {
        "layer": line.layer,
        "parameter": line.parameter,
        "factors": {name: number(value) for name, value in factors.items()},
        "reference": {name: number(value) for name, value in line.reference.items()},
        "blame": {"factor": factor or None, "decades": number(decades)},
        "arriving": number(settled(line.arriving, late)),
        "total": number(total),
        "residual": number(total - sum(factors.values())),
        "zero": [name for name, value in factors.items() if math.isinf(value)],
    }


def through_time(recording: Recording, late: Bool) -> dict[str, dict[str, Any]]:
    """How much of the gradient is left so many steps back in time, by the name of the recurrent layer.

    Mean decades over the late observations, against the last step that has any gradient.
    """
    if not len(recording.of_kind("recurrence")):
        return {}
    return {
        plain(name): {
            "length": length,
            "steps_back": back.tolist(),
            "decades": [number(settled(profile[:, i], late)) for i in range(len(back))],
            "zero": [
                int(lag) for i, lag in enumerate(back) if math.isinf(settled(profile[:, i], late))
            ],
        }
        for name, (back, profile, length) in lags(recording).items()
    }


def number(value: float | None) -> float | None:
    """A number that strict JSON can hold; None for what is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def finding_row(finding: Finding) -> dict[str, Any]:
    """One finding for JSON, with the rule's measured rates (null where it was not measured)."""
    listed, measured = asdict(finding), rate(finding.code)
    del listed["size"]
    return listed | {
        "layers": list(finding.layers),
        "steps": list(finding.steps),
        "remedies": list(finding.remedies),
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "measured": measured.to_dict() if measured is not None else None,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    said = asdict(evidence) | {"value": number(evidence.value), "limit": number(evidence.limit)}
    said["n"] = int(evidence.n)
    return said if said["value"] is not None else said | {"value_text": str(evidence.value)}
