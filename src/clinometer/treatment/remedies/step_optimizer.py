"""A step of the optimizer after each backward pass, in a script that takes none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import optimizers_of, parameters_of, without_line_search

if TYPE_CHECKING:
    from collections.abc import Callable

    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """After each outermost backward pass every optimizer that it gave gradients to takes its step."""
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
        return result

    patient.replace(torch.autograd, "backward", backward)
    return "optimizer.step() after each backward()"


REMEDY = Remedy(
    name="step-optimizer",
    moment="start",
    changes="wiring",
    apply=apply,
    lines="# after loss.backward()\noptimizer.step()\n",
)
