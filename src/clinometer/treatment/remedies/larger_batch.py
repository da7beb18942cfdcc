"""A batch of eight: gradients of eight steps of the script are averaged into one.

For a normalisation that has too few values the batches themselves are joined, where a DataLoader makes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from clinometer.treatment.batches import joined
from clinometer.treatment.remedy import Remedy
from clinometer.treatment.steps import (
    closure_of,
    is_skipped,
    parameters_of,
    scale_of,
    without_line_search,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

BATCHES = (
    8  # a power of two, by which a mean rounds nothing; the noise of the gradient falls by sqrt(8)
)


def apply(patient: Patient) -> str:
    """Seven of eight calls of a step only gather its gradient; the eighth takes a step with the mean.

    The script meets as many batches as before, and takes an eighth of the steps.
    """
    without_line_search(patient, "each of which would need a batch of its own")
    if patient.finding.get("code") == "FLOW405":
        joined(
            BATCHES
        )  # a normalisation would see each small batch alone when gradients are gathered
        return f"{BATCHES} batches of the DataLoader joined to one"
    sums: dict[int, dict[int, Tensor]] = {id(one): {} for one in patient.optimizers}
    counts = dict.fromkeys(sums, 0)

    def step(optimizer: Optimizer, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        closure = closure_of(args, kwargs)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if is_skipped(optimizer):
            return loss
        gathered = sums[id(optimizer)]
        counts[id(optimizer)] += 1
        _gather(optimizer, gathered)
        if counts[id(optimizer)] % BATCHES:
            return loss
        _hand_over(optimizer, gathered)
        gathered.clear()
        result = original()
        return result if closure is None else loss

    patient.around_step(step)
    return f"one step of the mean gradient of {BATCHES} batches"


def _gather(optimizer: Optimizer, sums: dict[int, Tensor]) -> None:
    scale = scale_of(optimizer)
    for parameter in parameters_of(optimizer):
        if parameter.grad is None:
            continue
        gradient = parameter.grad.detach() / scale
        known = sums.get(id(parameter))
        sums[id(parameter)] = gradient if known is None else known + gradient


def _hand_over(optimizer: Optimizer, sums: dict[int, Tensor]) -> None:
    scale = scale_of(optimizer)
    for parameter in parameters_of(optimizer):
        total = sums.get(id(parameter))
        parameter.grad = None if total is None else total * (scale / BATCHES)


REMEDY = Remedy(
    name="larger-batch",
    moment="running",
    changes="data",
    apply=apply,
    lines="# where the data is loaded: eight times the batch size, for example\n"
    "loader = DataLoader(dataset, batch_size=8 * batch_size, shuffle=True, drop_last=True)\n",
)
