"""Learning rates that are multiplied just for the step: the script's own schedule goes on undisturbed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from clinometer.treatment.remedy import NotApplicable

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient


def multiplied(patient: Patient, factor: Callable[[int], float]) -> str:
    """Every step from now on is taken with its rate times `factor(steps since the treatment)`.

    Raises
    ------
    NotApplicable : where no optimizer has a rate.
    """
    having = [one for one in patient.optimizers if all("lr" in g for g in one.param_groups)]
    if not having:
        raise NotApplicable("no optimizer with a learning rate was seen")
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

    rate = float(having[0].param_groups[0]["lr"])
    patient.around_step(step)
    return f"learning rate {rate:.3g} -> {rate * factor(0):.3g}"
