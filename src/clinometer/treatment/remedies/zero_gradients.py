"""Gradients cleared after each step, so that the next one is made of its own batch alone.

Tried from the start: steps made of all gradients so far have thrown the running weights far off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import closure_of, optimizers_of, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """What is in the gradients now is dropped, and again after every step, taken or skipped by a scaler."""
    optimizers = optimizers_of(patient)
    if patient.finding.get("code") != "FLOW403":
        raise NotApplicable("the script clears its gradients: the recording found none left over")
    for optimizer in optimizers:
        clear(optimizer)
    patient.around_step(_step)
    _after_scaler(optimizers)
    return "gradients cleared before each backward()"


def clear(optimizer: Optimizer) -> None:
    """Drop the gradients of an optimizer's parameters, as its own zero_grad() does."""
    for parameter in parameters_of(optimizer):
        parameter.grad = None


def _step(optimizer: Optimizer, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    closure = closure_of(args, kwargs)
    if closure is None:
        result = original(*args, **kwargs)
    else:

        def fresh() -> Any:
            clear(optimizer)
            return closure()

        result = original(fresh)
    clear(optimizer)
    return result


def _after_scaler(optimizers: list[Optimizer]) -> None:
    """A step that a loss scaler leaves out never comes to the optimizer: its gradients go as well."""
    original = torch.amp.GradScaler.step

    def step(self: Any, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        result = original(self, optimizer, *args, **kwargs)
        if any(optimizer is one for one in optimizers):
            clear(optimizer)
        return result

    torch.amp.GradScaler.step = step  # type: ignore[method-assign]


REMEDY = Remedy(
    name="zero-gradients",
    moment="start",
    changes="wiring",
    apply=apply,
    lines="# before loss.backward()\noptimizer.zero_grad()\n",
)
