"""Frozen parameters that an optimizer was given are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import optimizers_of, parameters_of

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Those in no optimizer stay frozen: they are left out on purpose."""
    owned = [p for optimizer in optimizers_of(patient) for p in parameters_of(optimizer)]
    frozen = [p for p in owned if not p.requires_grad and p.is_floating_point() and p.is_leaf]
    if not frozen:
        raise NotApplicable("every parameter in the optimizer requires a gradient already")
    for parameter in frozen:
        parameter.requires_grad_(True)
    count = sum(parameter.numel() for parameter in frozen)
    return f"requires_grad on {len(frozen)} parameters ({count} weights)"


REMEDY = Remedy(
    name="unfreeze-parameters",
    moment="running",
    changes="wiring",
    apply=apply,
    lines="# after the model is made\nfor parameter in model.parameters():\n"
    "    parameter.requires_grad_(True)\n",
)
