"""Learning rates that are multiplied just for the step: the script's own schedule goes on undisturbed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from clinometer.treatment.remedy import NotApplicable
from clinometer.treatment.steps import several

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient


def rated(patient: Patient) -> list[Optimizer]:
    """Optimizers whose every group has a learning rate.

    Raises
    ------
    NotApplicable : where there is none.
    """
    having = [one for one in patient.optimizers if all("lr" in g for g in one.param_groups)]
    if not having:
        raise NotApplicable("no optimizer with a learning rate was seen")
    return having


def rates_of(optimizers: list[Optimizer]) -> list[float]:
    """The rates of all groups, as they are now."""
    return [float(group["lr"]) for one in optimizers for group in one.param_groups]


def held(patient: Patient, rate: float) -> str:
    """Every step from now on is taken with this rate; the script's schedule goes on, and is not followed.

    Raises
    ------
    NotApplicable : where no optimizer has a rate.
    """
    having = rated(patient)
    before = rates_of(having)

    def step(optimizer: Optimizer, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not any(optimizer is one for one in having):
            return original(*args, **kwargs)
        own = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = rate
        try:
            return original(*args, **kwargs)
        finally:
            for group, value in zip(optimizer.param_groups, own, strict=True):
                group["lr"] = value

    patient.around_step(step)
    return f"learning rate {several(before)} -> {rate:.3g}, and kept there"


def multiplied(patient: Patient, factor: Callable[[int], float]) -> str:
    """Every step from now on is taken with its rate times `factor(steps since the treatment)`.

    Raises
    ------
    NotApplicable : where no optimizer has a rate.
    """
    having = rated(patient)
    counts = dict.fromkeys(map(id, having), 0)

    def step(optimizer: Optimizer, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if id(optimizer) not in counts:
            return original(*args, **kwargs)
        own = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * factor(counts[id(optimizer)])
        counts[id(optimizer)] += 1
        try:
            return original(*args, **kwargs)
        finally:
            for group, rate in zip(optimizer.param_groups, own, strict=True):
                group["lr"] = rate

    before = rates_of(having)
    patient.around_step(step)
    return f"learning rate {several(before)} -> {several([rate * factor(0) for rate in before])}"
