"""The learning rate times ten, whatever schedule it follows; more often where the finding tells how often.

A run whose weights got a ten-thousandth as far as they must go is no nearer after one decade: "and again
until the loss moves" would be trial after trial. FLOW302 measured how much is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clinometer.treatment.rates import held, multiplied, rated, rates_of
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

FACTOR = 10.0  # a decade, the smallest step that rates are searched by
MISSING = "distance of the tensor that moved most"  # in the evidence of FLOW302
GONE = 0.01  # of the first rate: FLOW302's own limit for a rate that a schedule has taken away
LARGEST = "largest learning rate"  # there, too, where a schedule ended early


def apply(patient: Patient) -> str:
    """Each step is taken with ten times the script's rate, or as many decades as the finding asks for."""
    having = rated(patient)
    largest = (_evidence(patient.finding, LARGEST) or {}).get("value")
    if largest:  # a schedule took the rate to next to nothing in the recorded run
        return held(patient, float(largest))
    first = max(float(g.get("initial_lr", 0.0)) for one in having for g in one.param_groups)
    if max(rates_of(having)) < GONE * first:
        return held(patient, first)
    if not any(rates_of(having)):
        raise NotApplicable("the learning rate is 0, and stays 0 when it is multiplied")
    factor = FACTOR ** decades(patient.finding)
    return multiplied(patient, lambda _step: factor)


def decades(finding: Mapping[str, Any]) -> int:
    """Whole decades that are missing; 1 where a finding measured none.

    >>> decades({"code": "FLOW302", "evidence": [{"quantity": MISSING, "value": 5e-6, "limit": 0.01}]})
    4
    """
    row = _evidence(finding, MISSING) or {}
    value, limit = row.get("value"), row.get("limit")
    if not value or not limit or value < 0:
        return 1
    return max(1, math.ceil(math.log10(limit / value)))


def _evidence(finding: Mapping[str, Any], quantity: str) -> Mapping[str, Any] | None:
    """The number of FLOW302 that has this name; None where there is none."""
    rows = finding.get("evidence") or () if finding.get("code") == "FLOW302" else ()
    return next((row for row in rows if row.get("quantity") == quantity), None)


REMEDY = Remedy(
    name="raise-rate",
    moment="running",
    changes="step",
    act="lengthen steps",
    apply=apply,
    lines="# after the optimizer is made, before any scheduler\n"
    "for group in optimizer.param_groups:\n"
    '    group["lr"] *= 10\n',
)
