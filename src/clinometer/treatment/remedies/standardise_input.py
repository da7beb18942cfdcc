"""Inputs counted from their mean, in units of their standard deviation, feature by feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from clinometer.taps.inputs import by_channel, is_raw
from clinometer.treatment.forecast_copy import mapped
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.scaling import Scale, scale_of

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

PICTURES = 4  # axes from which on, where no layer tells, axis 1 is taken for the channels


def apply(patient: Patient) -> str:
    """Mean and spread of the first batch, then fixed: for every later call, of evaluation too."""
    call = patient.call
    if call is None:
        raise NotApplicable("no forward pass of the network was seen")
    axis = _axis(patient)
    scales: list[Scale | None] = []

    def look(tensor: Tensor) -> Tensor:
        scales.append(_scale(tensor, axis) if is_raw(tensor) else None)
        return tensor

    mapped((call.args, call.kwargs), look)
    found = [scale for scale in scales if scale is not None]
    if not found:
        raise NotApplicable("the network is given no floating data whose mean and spread it tells")
    if all(scale.is_standard() for scale in found):
        raise NotApplicable("the inputs are standardised already")

    def before(_root: nn.Module, args: Any, kwargs: Any) -> Any:
        return _standardised((args, kwargs), scales)

    call.module.register_forward_pre_hook(before, with_kwargs=True)
    return f"inputs standardised: {found[0].in_words()}"


def _axis(patient: Patient) -> int | None:
    """The axis of the features: 1 before a convolution, else the last; None where no layer tells."""
    told = [by_channel(layer.module) for layer in patient.layers()]
    first = next((one for one in told if one is not None), None)
    return None if first is None else (1 if first else -1)


def _scale(tensor: Tensor, axis: int | None) -> Scale | None:
    if axis is None:
        axis = 1 if tensor.ndim >= PICTURES else -1
    if tensor.ndim < 2:
        return None
    return scale_of(tensor, axis)


def _standardised(given: Any, scales: list[Scale | None]) -> Any:
    """The same call with its data standardised; a call of another form is left as it is."""
    counted = 0

    def change(tensor: Tensor) -> Tensor:
        nonlocal counted
        scale = scales[counted] if counted < len(scales) else None
        counted += 1
        if scale is None or not tensor.is_floating_point():
            return tensor
        fits = scale.mean.ndim == tensor.ndim and all(
            one in (1, other) for one, other in zip(scale.mean.shape, tensor.shape, strict=True)
        )
        return scale.apart(tensor) if fits else tensor

    return mapped(given, change)


REMEDY = Remedy(
    name="standardise-input",
    moment="start",
    changes="data",
    apply=apply,
    lines="# after the training rows are chosen, before the first batch; the same numbers for other rows\n"
    "mean, std = x_train.mean(0), x_train.std(0)\n"
    "x_train = (x_train - mean) / std\n"
    "x_test = (x_test - mean) / std\n",
)
