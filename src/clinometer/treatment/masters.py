"""Steps taken in float32 on weights that are stored in fewer bits.

The optimizer is handed float32 weights, gradients and averages for its step, and what it makes of them is
stored in the script's own format again. How it is stored is the remedy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.remedy import NotApplicable
from clinometer.treatment.steps import (
    closure_of,
    is_skipped,
    optimizers_of,
    parameters_of,
    without_line_search,
)

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

SHORT = (torch.float16, torch.bfloat16)
Begin = Callable[["Tensor"], "Tensor"]
End = Callable[["Tensor", "Tensor", "Tensor"], "Tensor"]


def stepped_wide(patient: Patient, begin: Begin, end: End) -> int:
    """Take every step of short weights in float32; how many weights that are.

    Parameters
    ----------
    begin : of the stored weight: the float32 weight that a step starts from
    end : of the stored weight, the float32 weight before and after the step: what is stored

    Raises
    ------
    NotApplicable : where no weight that an optimizer owns is stored in 16 bits.
    """
    without_line_search(patient, "between which weights would have to be rounded")
    listed = [p for one in optimizers_of(patient) for p in parameters_of(one) if p.dtype in SHORT]
    if not listed:
        raise NotApplicable("no weight is stored in float16 or bfloat16")
    for optimizer in patient.optimizers:
        _widen_state(optimizer)

    def step(optimizer: Optimizer, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        closure = closure_of(args, kwargs)
        loss = None
        if closure is not None:  # its passes run on the stored weights
            with torch.enable_grad():
                loss = closure()
        if is_skipped(optimizer):
            return loss
        result = _step(optimizer, original, begin, end)
        return result if closure is None else loss

    patient.around_step(step)
    return sum(p.numel() for p in listed)


def _step(optimizer: Optimizer, original: Callable[..., Any], begin: Begin, end: End) -> Any:
    """One step with float32 in place of what is stored; the storage is the script's own again afterwards."""
    short = [p for p in parameters_of(optimizer) if p.grad is not None and p.dtype in SHORT]
    stored = [p.data for p in short]
    gradients: list[Any] = [p.grad for p in short]
    starts = [begin(weight) for weight in stored]
    try:
        for parameter, start, gradient in zip(short, starts, gradients, strict=True):
            parameter.grad = None
            parameter.data = start.clone()
            parameter.grad = gradient.float()
        result = original()
        ends = [p.data for p in short]
    finally:
        for parameter, weight, gradient in zip(short, stored, gradients, strict=True):
            parameter.grad = None
            parameter.data = weight
            parameter.grad = gradient
    for weight, start, after in zip(stored, starts, ends, strict=True):
        weight.copy_(end(weight, start, after))
    return result


def _widen_state(optimizer: Optimizer) -> None:
    """Averages that an optimizer has gathered in 16 bits go on in float32."""
    for parameter, state in optimizer.state.items():
        if parameter.dtype not in SHORT:
            continue
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.dtype in SHORT:
                state[name] = value.float()


def between(value: Tensor, like: Tensor, draw: Tensor) -> Tensor:
    """float32 values rounded at random to one of their two neighbours in the format of `like`.

    Unbiased: the mean over draws is the value itself. `draw` is uniform in [0, 1), of the same shape.
    Source: Zamirai et al. (2020), arXiv 2010.06192, section 3.
    """
    near = value.to(like.dtype)
    left = value - near.float()
    other = neighbour(near, left > 0)
    gap = (other.float() - near.float()).abs()
    share = left.abs() / gap
    taken = (left != 0) & torch.isfinite(gap) & (draw < share)
    return torch.where(taken, other, near)


def neighbour(weight: Tensor, up: Tensor) -> Tensor:
    """The next number of a 16-bit format above (where `up`) or below; exact, through the bits."""
    bits = weight.view(torch.int16)
    away = (weight > 0) == up  # from 0
    moved = torch.where(away, bits + 1, bits - 1)
    smallest = torch.where(up, 1, -(2**15) + 1).to(torch.int16)  # the subnormals beside 0
    return torch.where(weight == 0, smallest, moved).view(weight.dtype)
