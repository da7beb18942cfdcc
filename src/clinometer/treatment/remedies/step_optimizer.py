"""A step of the optimizer after each backward pass, on its gradient alone, in a script that takes none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import optimizers_of, parameters_of, without_line_search

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """After each outermost backward pass every optimizer that it gave gradients to takes its step.

    Then they are 0 again: in a script that never came to its step they may add up over a whole epoch.
    """
    optimizers = optimizers_of(patient)
    without_line_search(patient, "and needs a closure that this script does not have")
    if patient.finding.get("code") != "FLOW406":
        raise NotApplicable("the script steps its optimizer")
    depth = [0]  # a checkpointed segment runs a backward pass inside the backward pass

    def backward(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        depth[0] += 1
        try:
            result = original(*args, **kwargs)
        finally:
            depth[0] -= 1
        if not depth[0]:
            for optimizer in optimizers:
                if any(p.grad is not None for p in parameters_of(optimizer)):
                    optimizer.step()
                    _clear(optimizer)
        return result

    patient.replace(torch.autograd, "backward", backward)
    return "optimizer.step() and zero_grad() after each backward()"


def _clear(optimizer: Optimizer) -> None:
    """Gradients to 0, not to None: what the script does to them next finds them there."""
    for parameter in parameters_of(optimizer):
        if parameter.grad is not None:
            parameter.grad = torch.zeros_like(parameter.grad)


REMEDY = Remedy(
    name="step-optimizer",
    moment="start",
    changes="wiring",
    apply=apply,
    lines="# after loss.backward()\noptimizer.step()\noptimizer.zero_grad()\n",
)
