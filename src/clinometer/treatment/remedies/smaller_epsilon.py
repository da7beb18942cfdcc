"""The epsilon of the optimizer lowered, so that small gradients take full steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from clinometer.theory.floats import FLOATS
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import optimizers_of, several

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

USUAL = 1e-8  # Kingma & Ba (2015), and torch's own for Adam
# Below this the square of a gradient is no normal float32 any more, and the average of squares is not kept.
LEAST = math.sqrt(FLOATS["float32"].smallest_normal)


def apply(patient: Patient) -> str:
    """Epsilon becomes 1e-8 where it is larger; else the smallest that float32 can tell from the squares."""
    groups = [g for one in optimizers_of(patient) for g in _groups(one)]
    if not groups:
        raise NotApplicable("no optimizer divides by a root with an epsilon")
    if any(p.dtype == torch.float16 for group in groups for p in group["params"]):
        raise NotApplicable("a smaller epsilon rounds to 0 in float16")
    large = [group for group in groups if group["eps"] > LEAST]
    if not large:
        raise NotApplicable(f"epsilon is {several([g['eps'] for g in groups])} already")
    before = [group["eps"] for group in large]
    for group in large:
        group["eps"] = _smaller(group["eps"])
    return f"eps {several(before)} -> {several([group['eps'] for group in large])}"


def _smaller(epsilon: float) -> float:
    return USUAL if epsilon > USUAL else LEAST


def _groups(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Groups with an epsilon in the denominator; Adadelta's is in the numerator as well, and carries it."""
    if isinstance(optimizer, torch.optim.Adadelta):
        return []
    return [group for group in optimizer.param_groups if isinstance(group.get("eps"), float)]


REMEDY = Remedy(
    name="smaller-epsilon",
    moment="running",
    changes="step",
    act="lengthen steps",
    apply=apply,
    lines="# where the optimizer is made, with its other arguments as they are\n"
    "optimizer = torch.optim.Adam(model.parameters(), eps=1e-8)\n",
)
