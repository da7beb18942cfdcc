"""Arms that cannot help: nothing at all, and a change too small to matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.forecast_copy import is_lazy
from clinometer.treatment.remedy import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient

FORMATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def nothing(patient: Patient) -> str:
    """The run goes on as it is."""
    del patient
    return "nothing"


def sham(patient: Patient) -> str:
    """Every floating weight times 1 + or - one float spacing of its format, drawn at random.

    No training depends on such a change, so how far it carries a run is chaos. A weight of 0 stays 0, and
    a subnormal one, which has no smaller spacing, may stay as it is.

    Raises
    ------
    NotApplicable : where no floating weight was seen.
    """
    weights = floating_weights(patient)
    if not weights:
        raise NotApplicable("no weight in a floating-point format was seen")
    for weight in weights:
        up = torch.randint(2, weight.shape, generator=patient.generator).to(weight.device) == 1
        spacing = torch.finfo(weight.dtype).eps
        factor = torch.where(up, weight.new_tensor(1 + spacing), weight.new_tensor(1 - spacing))
        weight.mul_(factor)
    count = sum(weight.numel() for weight in weights)
    return f"{count} weights times 1 +- one float spacing"


def floating_weights(patient: Patient) -> list[Tensor]:
    """Storage of each floating parameter of the networks and of the optimizers, each once.

    Outside of autograd, which is not told: a graph that was built before stays usable.
    """
    listed = [parameter for root in patient.roots for parameter in root.parameters()]
    listed += [
        p for one in patient.optimizers for group in one.param_groups for p in group["params"]
    ]
    once = {id(one): one for one in listed}.values()
    return [one.data for one in once if one.dtype in FORMATS and not is_lazy(one)]
