"""The loss is handed what reached the softmax or the sigmoid, and is the one that matches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.treatment.functions import is_proposed, required, seen_in_call, standing_in
from clinometer.treatment.marks import mark_of, marking, tensors_of
from clinometer.treatment.matching import Matching
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

NAME = "logits-with-matching-loss"
WHY = "no softmax, sigmoid, ReLU or tanh was seen between the network and a loss on probabilities"


def apply(patient: Patient) -> str:
    """The forward pass stays as it is; only what the loss is worked out on changes.

    In evaluation, too: both losses are then of the same quantity. From a new start: losses of two kinds are
    compared by their rows, of which half-way there may be none left to get right.
    """
    marks = marking()
    if not is_proposed(patient, NAME):
        found = [mark_of(one) for one in tensors_of(seen_in_call(patient, marks))]
        if not any(mark is not None and mark.kind != "log" for mark in found):
            raise NotApplicable(WHY)
    matching = Matching()
    standing_in({**marks, **matching.handlers()})
    required(patient, lambda: bool(matching.changed), WHY)
    return "the loss takes the logits"


REMEDY = Remedy(
    name=NAME,
    moment="start",
    changes="loss",
    apply=apply,
    lines="# the network returns its last layer's output: no softmax, no sigmoid behind it\n"
    "# where the loss is made: one of several classes\n"
    "loss_function = nn.CrossEntropyLoss()\n"
    "# or yes and no for each output\n"
    "loss_function = nn.BCEWithLogitsLoss()\n",
    new_loss=True,
)
