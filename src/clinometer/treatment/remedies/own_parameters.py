"""Parameters that no optimizer has are given to one, also those of layers that no module has registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from clinometer.treatment.forecast_trace import tensors_in
from clinometer.treatment.network.trace import trace
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import optimizers_of

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """They join the first group of the first optimizer, with its rate and its schedule."""
    optimizers_of(patient)
    registered = [p for root in patient.roots for p in root.parameters()]
    listed = {id(p): p for p in (*registered, *_met(patient))}
    taken = patient.adopt(listed.values())
    if not taken:
        raise NotApplicable("every parameter that requires a gradient is in an optimizer")
    count = sum(parameter.numel() for parameter in taken)
    return f"{len(taken)} parameters ({count} weights) given to the optimizer"


def _met(patient: Patient) -> list[Tensor]:
    """Parameters that the call multiplies by or adds: of layers in a plain list, too, which no root knows."""
    try:
        ops = trace(patient).ops
    except NotApplicable:
        return []
    return [t for op in ops for t in tensors_in(op.call[1:]) if isinstance(t, nn.Parameter)]


REMEDY = Remedy(
    name="own-parameters",
    moment="running",
    changes="wiring",
    apply=apply,
    lines="# layers in a plain list or dict: register them\n"
    "self.blocks = nn.ModuleList(blocks)\n"
    "# where the optimizer is made, after all layers exist\n"
    "optimizer = torch.optim.AdamW(model.parameters())\n",
)
