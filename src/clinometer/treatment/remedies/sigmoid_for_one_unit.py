"""A sigmoid in place of a softmax over a single unit, and binary cross-entropy on its logit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.treatment.functions import is_proposed, required, seen_in_call, standing_in
from clinometer.treatment.network.single_entry import inside, over_one_entry
from clinometer.treatment.network.trace import trace
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.single_unit import SingleUnit

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

NAME = "sigmoid-for-one-unit"
WHY = "no softmax over a single unit was seen"


def apply(patient: Patient) -> str:
    """The running weights go on; the output that the script sees is the sigmoid, too."""
    if _is_inside(patient):
        raise NotApplicable("the softmax over one entry is inside the network, and no output")
    single = SingleUnit()
    handlers = single.handlers()
    seen_in_call(patient, handlers)
    if not single.changed and not is_proposed(patient, NAME):
        raise NotApplicable(WHY)
    single.changed = 0
    standing_in(handlers)
    required(patient, lambda: single.changed > 0, WHY)
    return "softmax over one unit -> sigmoid"


def _is_inside(patient: Patient) -> bool:
    """Whether every such softmax of the call only weighs something there."""
    try:
        seen = trace(patient)
    except NotApplicable:
        return False
    found = over_one_entry(seen)
    return bool(found) and all(inside(seen, op) for op in found)


REMEDY = Remedy(
    name=NAME,
    moment="running",
    changes="loss",
    apply=apply,
    lines="# the network returns its last unit's output, without a softmax\n"
    "# where the loss is made\n"
    "loss_function = nn.BCEWithLogitsLoss()\n",
    new_loss=True,
)
