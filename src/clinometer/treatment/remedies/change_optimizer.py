"""AdamW with its usual rate in place of the script's optimizer."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import optimizers_of, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

RATE = 1e-3  # Kingma & Ba (2015), and torch's own for AdamW


def apply(patient: Patient) -> str:
    """AdamW(lr=1e-3) on the same groups; a schedule of the script goes on as a share of that rate.

    The object stays, and with it what the script, its schedulers and its scaler know of it.
    """
    optimizers = optimizers_of(patient)
    _check(patient)
    names = [type(one).__name__ for one in optimizers]
    references = {id(one): _references(one) for one in optimizers}
    for optimizer in optimizers:
        _become_adamw(optimizer)

    def step(optimizer: Optimizer, _sgd: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        own = [group["lr"] for group in optimizer.param_groups]
        shares = _shares(own, references[id(optimizer)])
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            group["lr"] = RATE * float(share)
        try:
            return type(optimizer).step(optimizer, *args, **kwargs)
        finally:
            for group, rate in zip(optimizer.param_groups, own, strict=True):
                group["lr"] = rate

    patient.around_step(step)
    return f"{', '.join(dict.fromkeys(names))} -> AdamW with learning rate {RATE:g}"


def _check(patient: Patient) -> None:
    for optimizer in patient.optimizers:
        parameters = parameters_of(optimizer)
        if any(p.dtype == torch.float16 for p in parameters):
            raise NotApplicable("AdamW's eps rounds to 0 in float16")
        if any(p.grad is not None and p.grad.is_sparse for p in parameters) or _sparse(patient):
            raise NotApplicable("AdamW takes no sparse gradients")
    if all(type(one) is torch.optim.AdamW and _rates(one) == {RATE} for one in patient.optimizers):
        raise NotApplicable(f"the script uses AdamW with learning rate {RATE:g} already")


def _sparse(patient: Patient) -> bool:
    return any(bool(getattr(m, "sparse", False)) for root in patient.roots for m in root.modules())


def _rates(optimizer: Optimizer) -> set[float]:
    return {float(group["lr"]) for group in optimizer.param_groups}


def _references(optimizer: Optimizer) -> list[float]:
    """What each group's rate is a share of: the largest that the script starts from, or has now."""
    first = [
        float(group.get("max_lr", group.get("initial_lr", group.get("lr", 0.0))))
        for group in optimizer.param_groups
    ]
    return [max(first)] * len(first)


def _shares(rates: list[Any], references: list[float]) -> list[Any]:
    """Share of the full rate that each group is to take now; all of it where no rate was known."""
    return [
        rate / reference if reference else 1.0
        for rate, reference in zip(rates, references, strict=True)
    ]


def _become_adamw(optimizer: Optimizer) -> None:
    """Settings are those of a call without any; none is made, as a recorder would count it."""
    taken = inspect.signature(torch.optim.AdamW).parameters
    settings = {k: v.default for k, v in taken.items() if k not in {"params", "lr"}}
    settings["decoupled_weight_decay"] = True
    for group in optimizer.param_groups:
        group.update(settings)
        group.setdefault("lr", RATE)
    optimizer.defaults = {**optimizer.defaults, **settings, "lr": RATE}
    optimizer.state.clear()
    optimizer.__class__ = torch.optim.AdamW
    optimizer._patch_step_function()  # hooks of the step, as a new one has them


REMEDY = Remedy(
    name="change-optimizer",
    moment="running",
    changes="step",
    act="lengthen steps",
    apply=apply,
    lines="# where the optimizer is made\noptimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)\n",
)
