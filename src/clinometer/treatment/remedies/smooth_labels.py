"""Labels smoothed in the training loss, by what earns the scale where that is known; evaluation stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from clinometer.treatment.functions import is_proposed, required, standing_in
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient

NAME = "smooth-labels"
# Where no evaluation pass tells what is earned; Szegedy et al. (2016), Rethinking the Inception
# architecture, section 7.
SMOOTHING = 0.1
LOSSES = (None, "cross_entropy", "nll_loss", "binary_cross_entropy")
WHY = "no cross-entropy without label smoothing was seen"


def apply(patient: Patient) -> str:
    """Where gradients are on, cross-entropy and binary cross-entropy take smoothed labels."""
    loss = patient.facts.get("loss")
    if loss not in LOSSES:
        raise NotApplicable(f"the loss ({loss}) has no labels to smooth")
    if loss is None and not is_proposed(patient, NAME):
        raise NotApplicable(WHY)
    counts, smoothing = [0], float(patient.facts.get("label_smoothing") or SMOOTHING)

    def cross_entropy(func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        if torch.is_grad_enabled() and not kwargs.get("label_smoothing"):
            counts[0] += 1
            kwargs["label_smoothing"] = smoothing
        return func(given, target, **kwargs)

    def binary(func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        if torch.is_grad_enabled():
            counts[0] += 1
            target = target * (1 - smoothing) + smoothing / 2
        return func(given, target, **kwargs)

    standing_in(
        {
            functional.cross_entropy: cross_entropy,
            functional.binary_cross_entropy: binary,
            functional.binary_cross_entropy_with_logits: binary,
        }
    )
    required(patient, lambda: counts[0] > 0, WHY)
    return f"label smoothing 0 -> {smoothing:.3g}"


REMEDY = Remedy(
    name=NAME,
    moment="running",
    changes="loss",
    apply=apply,
    lines="# where the loss of training is made; 0.1 or the value that the trial says\n"
    "loss_function = nn.CrossEntropyLoss(label_smoothing=0.1)\n",
    new_loss=True,
)
