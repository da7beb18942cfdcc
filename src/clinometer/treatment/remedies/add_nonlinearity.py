"""A ReLU between layers that follow each other without any: without it they are one linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from clinometer.treatment.network.chain import NORM_MODULES, hidden, onward
from clinometer.treatment.network.insert import behind
from clinometer.treatment.network.trace import Op, Trace, trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """Behind each layer whose output the next one reads unbent; behind its normalisation, if it has one."""
    seen = trace(patient)
    places: list[nn.Module] = []
    for op, follower in hidden(seen):
        place = _place(seen, op)
        if follower.weights and not place._modules and place not in places:
            places.append(place)
    if not places:
        raise NotApplicable("no two layers follow each other without an activation between them")
    for place in places:
        behind(patient, seen, place, nn.ReLU(), "relu")
    return f"ReLU put between layers at {plural(len(places), 'place')}"


def _place(seen: Trace, op: Op) -> nn.Module:
    norms = [one.module for one in onward(seen, op) if isinstance(one.module, NORM_MODULES)]
    return norms[0] if norms else op.module


REMEDY = Remedy(
    name="add-nonlinearity",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in forward, after each layer but the last\nx = torch.relu(layer(x))\n",
)
