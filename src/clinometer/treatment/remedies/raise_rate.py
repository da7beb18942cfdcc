"""The learning rate times ten, whatever schedule it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.treatment.rates import multiplied, rated, rates_of
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

FACTOR = 10.0  # a decade, the smallest step that rates are searched by


def apply(patient: Patient) -> str:
    """Each step is taken with ten times the rate that the script would have taken."""
    having = rated(patient)
    scheduled = any("initial_lr" in group for one in having for group in one.param_groups)
    if not any(rates_of(having)) and not scheduled:
        raise NotApplicable("the learning rate is 0, and stays 0 when it is multiplied")
    return multiplied(patient, lambda _step: FACTOR)


REMEDY = Remedy(
    name="raise-rate",
    moment="running",
    changes="step",
    apply=apply,
    lines="# after the optimizer is made, before any scheduler\n"
    "for group in optimizer.param_groups:\n"
    '    group["lr"] *= 10\n',
)
