"""Parameters that no optimizer has are given to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import optimizers_of

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """They join the first group of the first optimizer, with its rate and its schedule."""
    optimizers_of(patient)
    listed = [p for root in patient.roots for p in root.parameters()]
    taken = patient.adopt(listed)
    if not taken:
        raise NotApplicable("every parameter that requires a gradient is in an optimizer")
    count = sum(parameter.numel() for parameter in taken)
    return f"{len(taken)} parameters ({count} weights) given to the optimizer"


REMEDY = Remedy(
    name="own-parameters",
    moment="running",
    changes="wiring",
    apply=apply,
    lines="# where the optimizer is made, after all layers exist\n"
    "optimizer = torch.optim.AdamW(model.parameters())\n",
)
