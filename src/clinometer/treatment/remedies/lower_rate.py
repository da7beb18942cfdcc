"""The learning rate divided by ten, whatever schedule it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.treatment.rates import multiplied
from clinometer.treatment.remedy import Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

FACTOR = 0.1  # a decade, the smallest step that rates are searched by


def apply(patient: Patient) -> str:
    """Each step is taken with a tenth of the rate that the script would have taken."""
    return multiplied(patient, lambda _step: FACTOR)


REMEDY = Remedy(
    name="lower-rate",
    moment="running",
    changes="step",
    act="shorten steps",
    apply=apply,
    lines="# after the optimizer is made, before any scheduler\n"
    "for group in optimizer.param_groups:\n"
    '    group["lr"] *= 0.1\n',
)
