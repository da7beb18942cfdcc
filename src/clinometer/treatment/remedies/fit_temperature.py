"""Logits of evaluation passes divided by one temperature; training goes on untouched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from clinometer.treatment.functions import standing_in
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """The temperature that an evaluation pass gave; losses without gradients take it."""
    value = temperature_of(patient)
    if value is None:
        raise NotApplicable("no evaluation pass of the recording gave a temperature")

    def cooled(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Any:
        return func(given if torch.is_grad_enabled() else given / value, *args, **kwargs)

    standing_in(
        dict.fromkeys(
            (functional.cross_entropy, functional.binary_cross_entropy_with_logits), cooled
        )
    )
    return f"temperature 1 -> {value:.3g} in evaluation"


def temperature_of(patient: Patient) -> float | None:
    """Of the facts ("temperature"), or of the finding's evidence; None where neither has one.

    The finding's is of the latest evaluation pass of the recording, which may lie behind the moment.
    """
    told = [patient.facts.get("temperature")]
    told += [
        one.get("value")
        for one in patient.finding.get("evidence", ())
        if one.get("quantity") == "temperature"
    ]
    found = [float(one) for one in told if one is not None]
    return next((one for one in found if math.isfinite(one) and one > 0), None)


REMEDY = Remedy(
    name="fit-temperature",
    moment="running",
    changes="loss",
    apply=apply,
    lines="# after training, on rows that were not trained on\n"
    "import clinometer\n"
    "print(clinometer.confidence(logits, labels))  # tells the temperature\n"
    "# where probabilities are made\n"
    "probabilities = (logits / temperature).softmax(dim=1)\n",
)
