"""A learning rate that grows from near 0 to the script's own over the first steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clinometer.treatment.rates import multiplied, rated, rates_of
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.steps import several

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from clinometer.treatment.patient import Patient

MEMORIES = (
    2.0  # Ma & Yarats (2021), AAAI 35: 2 / (1 - beta2) steps, two memories of the slowest average
)
LONGEST = 0.1  # of the run: the largest share in wide use (Devlin et al. 2019, fine-tuning)


def apply(patient: Patient) -> str:
    """Step t of the first n is taken with t/n of the script's rate."""
    having = rated(patient)
    steps = _length(having, patient.facts.get("steps"))
    multiplied(patient, lambda step: min(1.0, (step + 1) / steps))
    before = rates_of(having)
    first = several([rate / steps for rate in before])
    return f"learning rate {first} -> {several(before)} over the first {steps} steps"


def _length(optimizers: list[Optimizer], recorded: int | None) -> int:
    """Steps of the warm-up."""
    memory = max(_memory(group) for one in optimizers for group in one.param_groups)
    steps = math.inf if not recorded else LONGEST * recorded
    steps = round(min(MEMORIES * memory, steps))
    if steps < 2:
        raise NotApplicable(
            f"a tenth of the {recorded or 0} recorded steps is too short for a warm-up"
        )
    return steps


def _memory(group: dict[str, object]) -> float:
    """Steps over which the slowest average of an optimizer forgets; a run's length where it has none."""
    betas = group.get("betas")
    decay = max(map(float, betas)) if isinstance(betas, tuple | list) else group.get("alpha")
    momentum = decay if isinstance(decay, float) else group.get("momentum", 0.0)
    forgets = isinstance(momentum, float) and 0 < momentum < 1
    return 1.0 / (1.0 - momentum) if forgets else math.inf  # type: ignore[operator]


REMEDY = Remedy(
    name="warm-up",
    moment="start",
    changes="step",
    act="shorten steps",
    apply=apply,
    lines="# after the optimizer is made; N as the trial says\n"
    "warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / N))\n"
    "# and after each optimizer.step()\n"
    "warm_up.step()\n",
)
