"""Steps of the script's optimizers as remedies meet them: closures, loss scales, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.remedy import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

Closure = Callable[[], Any]


def closure_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Closure | None:
    """The closure that a call `step(...)` was given; None where it was given none."""
    found = args[0] if args else kwargs.get("closure")
    return found if callable(found) else None


def with_gradients(patient: Patient, act: Callable[[Optimizer], None]) -> None:
    """`act` runs when the gradients of a step are there: before it, or after each call of its closure."""

    def step(optimizer: Optimizer, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        closure = closure_of(args, kwargs)
        if closure is None:
            act(optimizer)
            return original(*args, **kwargs)

        def closed() -> Any:
            loss = closure()
            act(optimizer)
            return loss

        return original(closed)

    patient.around_step(step)


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    """What an optimizer moves, in its order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def scale_of(optimizer: Optimizer) -> float:
    """What gradients are still multiplied by at a step [-]: a fused step takes a loss scale off itself."""
    scale = getattr(optimizer, "grad_scale", None)
    return 1.0 if scale is None else float(scale)


def is_skipped(optimizer: Optimizer) -> bool:
    """Whether a fused step is about to leave its weights as they are: the loss scale was too large."""
    found = getattr(optimizer, "found_inf", None)
    return found is not None and float(found) > 0


def optimizers_of(patient: Patient) -> list[Optimizer]:
    """The optimizers, of which there is at least one.

    Raises
    ------
    NotApplicable : where none was seen.
    """
    if not patient.optimizers:
        raise NotApplicable("no optimizer was seen")
    return patient.optimizers


def without_line_search(patient: Patient, why: str) -> None:
    """Refuse where a step evaluates the loss many times.

    Raises
    ------
    NotApplicable : where an optimizer is LBFGS; `why` says what that would need.
    """
    if any(isinstance(one, torch.optim.LBFGS) for one in optimizers_of(patient)):
        raise NotApplicable(f"LBFGS evaluates the loss many times within one step, {why}")


def several(values: list[float]) -> str:
    """Values without repeats, as "0.02" or "0.02, 0.1".

    >>> several([0.02, 0.1, 0.02])
    '0.02, 0.1'
    """
    return ", ".join(f"{value:.3g}" for value in dict.fromkeys(values))
