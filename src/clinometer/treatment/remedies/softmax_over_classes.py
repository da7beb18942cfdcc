"""A softmax over the rows of the batch is taken over the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clinometer.treatment.functions import (
    LOG_SOFTMAX,
    SOFTMAX,
    is_proposed,
    required,
    seen_in_call,
    standing_in,
)
from clinometer.treatment.marks import axis_of
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from torch import Tensor

    from clinometer.treatment.patient import Patient

NAME = "softmax-over-classes"
WHY = "no softmax over the rows of the batch was seen"


def apply(patient: Patient) -> str:
    """Axis 1 in place of axis 0, for softmax and log-softmax, in training and evaluation."""
    counts = [0]

    def over_classes(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Any:
        if axis_of(given, args[0] if args else kwargs.get("dim")) == 0 and given.ndim > 1:
            counts[0] += 1
            args, kwargs = args[1:], {**kwargs, "dim": 1}
        return func(given, *args, **kwargs)

    handlers = dict.fromkeys((*SOFTMAX, *LOG_SOFTMAX), over_classes)
    seen_in_call(patient, handlers)
    if not counts[0] and not is_proposed(patient, NAME):
        raise NotApplicable(WHY)
    counts[0] = 0
    standing_in(handlers)
    required(patient, lambda: counts[0] > 0, WHY)
    return "softmax over axis 0 -> axis 1"


REMEDY = Remedy(
    name=NAME,
    moment="running",
    changes="loss",
    apply=apply,
    lines="# where the softmax is taken: axis 1 holds the classes\n"
    "probabilities = logits.softmax(dim=1)\n",
    new_loss=True,
)
