"""One traced forward and backward pass of a copy that nobody else holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from clinometer.errors import ForecastError
from clinometer.treatment.forecast_copy import called, mapped, said, widened
from clinometer.treatment.forecast_trace import Operation, Size, Tracer, tensors_in

LossFunction = Callable[..., Tensor]
DIRECTION = 0  # seed of the random direction: the same in every measurement, so that they compare


@dataclass(frozen=True)
class Pass:
    """What one pass shows: operations in order, and log10 of the RMS of the gradient at the output."""

    operations: list[Operation]
    end: float
    dtype: str
    note: str = ""


def measure(
    model: nn.Module, inputs: Any, loss: LossFunction | None = None, targets: Any = None
) -> Pass:
    """Trace `model`, which is a copy, in float64; in its own dtype where it does not run in float64.

    Raises
    ------
    ForecastError : where the model does not take these inputs, or its output has no gradient.
    """
    own = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        operations, end = _traced(model.double(), widened(inputs), loss, widened(targets))
    except ForecastError:
        raise
    except Exception as error:
        model.to(own).load_state_dict(state)
        mine = mapped(inputs, lambda t: t.detach().to(own) if t.is_floating_point() else t.detach())
        try:
            operations, end = _traced(model, mine, loss, targets)
        except ForecastError:
            raise
        except Exception as second:
            raise ForecastError(_does_not_fit(model, inputs, second)) from second
        why = f"measured in {_plain(own)}: it does not run in float64 ({said(error)})"
        return Pass(operations, end, _plain(own), why)
    return Pass(operations, end, "float64")


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _does_not_fit(model: nn.Module, inputs: Any, error: Exception) -> str:
    given = (
        ", ".join(f"{tuple(t.shape)} {_plain(t.dtype)}" for t in tensors_in(inputs)) or "nothing"
    )
    return (
        f"{type(model).__name__} does not run on the inputs that were given ({given}).\n  It said: "
        f"{said(error)}\n  Expected one batch as the training loop gives it: a tensor, a tuple by place, or "
        "a dict by name; whole numbers where it looks them up (embeddings)."
    )


def _traced(
    model: nn.Module, inputs: Any, loss: LossFunction | None, targets: Any
) -> tuple[list[Operation], float]:
    # A clone of a leaf: the first operation may work in place.
    fed = mapped(
        inputs, lambda t: t.clone().requires_grad_(True).clone() if t.is_floating_point() else t
    )
    tracer = Tracer(model)
    tracer.begin(list(tensors_in(fed)))
    with torch.enable_grad():
        with tracer:
            output = called(model, fed)
        ends = [t for t in tensors_in(output) if t.requires_grad and t.is_floating_point()]
        if not ends:
            raise ForecastError(
                f"the output of {type(model).__name__} has no gradient; expected a floating tensor that "
                "depends on its weights (is there a torch.no_grad, a detach or an argmax in forward?)"
            )
        at_end = Size()
        largest = max(ends, key=Tensor.numel)
        largest.register_hook(at_end.of)
        _scalar(output, ends, loss, targets).backward()
    if not tracer.operations:
        raise ForecastError(
            f"no operation of {type(model).__name__} was seen; expected a model that runs in Python "
            "(TorchScript and exported programs hide their layers)"
        )
    return tracer.operations, at_end.decades


def _scalar(output: Any, ends: list[Tensor], loss: LossFunction | None, targets: Any) -> Tensor:
    """The loss; without one, the output along a random direction of norm 1."""
    if loss is not None:
        try:
            found = loss(output) if targets is None else loss(output, targets)
        except Exception as error:
            raise ForecastError(
                f"the loss failed on the model's output: {said(error)}\n  Expected loss(output), or "
                "loss(output, targets) where targets are given."
            ) from error
        number: Any = found
        if not isinstance(number, Tensor) or number.numel() != 1 or not number.requires_grad:
            raise ForecastError(
                "the loss gave no single number with a gradient; expected a scalar tensor"
            )
        return found
    draw = torch.Generator().manual_seed(DIRECTION)
    directions = [
        torch.randn(t.shape, generator=draw, dtype=torch.float64).to(t.device) for t in ends
    ]
    norm = math.sqrt(sum(float(d.square().sum()) for d in directions))
    parts = [(t * (d / norm).to(t.dtype)).sum() for t, d in zip(ends, directions, strict=True)]
    return torch.stack(parts).sum()
