"""The gradient of each step clipped at a norm of 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from clinometer.treatment.remedy import Remedy
from clinometer.treatment.steps import (
    is_skipped,
    optimizers_of,
    parameters_of,
    scale_of,
    with_gradients,
)

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

# Pascanu et al. (2013), ICML, clip at a few times the typical norm and found the place hardly matters; 1 is
# what libraries clip at (transformers' max_grad_norm). A script that clips lower is left as it is by it.
LARGEST = 1.0


def apply(patient: Patient) -> str:
    """Gradients of one optimizer whose joint norm is above 1 are scaled down to 1, before each step."""
    optimizers_of(patient)
    with_gradients(patient, _clip)
    return f"gradient norm clipped at {LARGEST:g}"


def _clip(optimizer: Optimizer) -> None:
    if is_skipped(optimizer):
        return
    having = [p for p in parameters_of(optimizer) if p.grad is not None]
    limit = LARGEST * scale_of(optimizer)
    with torch.no_grad():
        kept = [_values(parameter) for parameter in having]
        norm = torch.nn.utils.get_total_norm(kept)
        factor = torch.clamp(limit / (norm + 1e-6), max=1.0)  # 1e-6 as in torch's clip_grad_norm_
        for values in kept:
            values.mul_(factor.to(values.device))


def _values(parameter: Tensor) -> Tensor:
    """What its gradient stores: a row of an embedding that came twice in a batch counts as one sum."""
    gradient = parameter.grad
    assert gradient is not None  # its caller's choice
    if not gradient.is_sparse:
        return gradient
    parameter.grad = gradient.coalesce()
    return parameter.grad._values()


REMEDY = Remedy(
    name="clip-gradient",
    moment="running",
    changes="step",
    act="shorten steps",
    apply=apply,
    lines="# after loss.backward(), before optimizer.step()\n"
    "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n",
)
