"""Weights that shrink a little in every step, apart from their gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.rates import rated
from clinometer.treatment.remedy import Remedy
from clinometer.treatment.steps import (
    is_skipped,
    parameters_of,
    several,
    with_gradients,
    without_line_search,
)

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

USUAL = 0.01  # torch's AdamW; Loshchilov & Hutter (2019), ICLR
FACTOR = 10.0  # where the script decays its weights already: a decade more


def apply(patient: Patient) -> str:
    """Weights pay for their size: by the penalty that earns their scale where it is known, else by 0.01."""
    without_line_search(patient, "and its line search would undo the decay")
    having = rated(patient)
    penalty = patient.facts.get("l2")
    if isinstance(penalty, float) and penalty > 0:
        with_gradients(patient, lambda one: _penalise(one, penalty))
        return f"loss + {penalty:.3g} times the sum of squared weights"
    before = [_decay(one) for one in having]
    missing = {id(one): _wanted(own) - own for one, own in zip(having, before, strict=True)}
    with_gradients(patient, lambda one: _shrink(one, missing.get(id(one), 0.0)))
    return (
        f"weight decay {several(before)} -> {several([_wanted(own) for own in before])} (decoupled)"
    )


def _decay(optimizer: Optimizer) -> float:
    """The largest decay of its groups; 0 where it has none."""
    return max(float(group.get("weight_decay", 0.0)) for group in optimizer.param_groups)


def _wanted(own: float) -> float:
    return USUAL if own < USUAL else own * FACTOR


def _shrink(optimizer: Optimizer, decay: float) -> None:
    """What AdamW does first: w (1 - lr decay), for each weight that has a gradient."""
    if is_skipped(optimizer):
        return
    with torch.no_grad():
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * decay)


def _penalise(optimizer: Optimizer, penalty: float) -> None:
    """Add the slope of `penalty` sum(w^2); matrices only, as the penalty was worked out."""
    with torch.no_grad():
        for parameter in parameters_of(optimizer):
            if parameter.grad is not None and parameter.ndim > 1:
                parameter.grad.add_(parameter, alpha=2.0 * penalty)


REMEDY = Remedy(
    name="weight-decay",
    moment="running",
    changes="step",
    apply=apply,
    lines="# where the optimizer is made; 0.01 or the value that the trial says\n"
    "optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)\n",
)
