"""The loss multiplied before its backward pass, and the gradients divided after it, as GradScaler does."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.formats import half_autocast
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import closure_of, optimizers_of, parameters_of, without_line_search

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

# torch.amp.GradScaler's own: Micikevicius et al. (2018), ICLR, section 3.2.
FIRST, HALVED, DOUBLED, PATIENCE = 2.0**16, 0.5, 2.0, 2000


class Scale:
    """The loss scale: halved after a step that is not finite, doubled after 2,000 that are."""

    def __init__(self) -> None:
        self.value, self.good = FIRST, 0

    def learns(self, finite: bool) -> None:
        """A step was finite, or not."""
        if not finite:
            self.value, self.good = self.value * HALVED, 0
            return
        self.good += 1
        if self.good == PATIENCE:
            self.value, self.good = self.value * DOUBLED, 0


def apply(patient: Patient) -> str:
    """Gradients that the script sees are never scaled: its own clipping goes on as it was."""
    optimizers = optimizers_of(patient)
    without_line_search(patient, "which GradScaler does not support")
    if any(
        issubclass(type(one), torch.amp.GradScaler) and one.is_enabled() for one in gc.get_objects()
    ):
        raise NotApplicable("the script scales its loss already")
    half_autocast(patient)
    scale = Scale()
    weights = [p for optimizer in optimizers for p in parameters_of(optimizer)]
    depth = [0]

    def backward(original: Callable[..., Any], tensors: Any, *args: Any, **kwargs: Any) -> Any:
        if depth[0]:  # a checkpointed segment; what reaches it is scaled
            return original(tensors, *args, **kwargs)
        depth[0] += 1
        times = scale.value
        _multiply(weights, times)  # what other passes have left there
        try:
            return original(_scaled(tensors, times), *args, **kwargs)
        finally:
            depth[0] -= 1
            _multiply(weights, 1.0 / times)

    def step(optimizer: Optimizer, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        closure = closure_of(args, kwargs)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        finite = _finite(optimizer)
        scale.learns(finite)
        result = original() if finite else None
        return result if closure is None else loss

    patient.replace(torch.autograd, "backward", backward)
    patient.around_step(step)
    return f"loss times {FIRST:g}, halved when a gradient is not finite"


def _scaled(tensors: Any, times: float) -> Any:
    """In float32, as a float16 loss times 65536 is Inf."""
    if isinstance(tensors, tuple | list):
        return [_scaled(one, times) for one in tensors]
    return tensors * torch.full((), times, dtype=torch.float32, device=tensors.device)


def _multiply(weights: list[Tensor], factor: float) -> None:
    """By a power of two: exact, save at the ends of the format."""
    with torch.no_grad():
        for weight in weights:
            if weight.grad is not None:
                weight.grad.mul_(factor)


def _finite(optimizer: Optimizer) -> bool:
    gradients = [p.grad for p in parameters_of(optimizer) if p.grad is not None]
    return all(
        bool(torch.isfinite(g.coalesce()._values() if g.is_sparse else g).all()) for g in gradients
    )


REMEDY = Remedy(
    name="loss-scaling",
    moment="running",
    changes="numbers",
    act="keep more digits",
    apply=apply,
    lines="# before the loop\n"
    "scaler = torch.amp.GradScaler()\n"
    "# in place of loss.backward() and optimizer.step()\n"
    "scaler.scale(loss).backward()\n"
    "scaler.step(optimizer)\n"
    "scaler.update()\n",
)
