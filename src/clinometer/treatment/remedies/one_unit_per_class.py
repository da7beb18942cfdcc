"""Two units for two classes, where a softmax is taken over one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from clinometer.treatment.functions import required, seen_in_call, standing_in
from clinometer.treatment.remedy import NotApplicable, Remedy
from clinometer.treatment.single_unit import SingleUnit

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

WHY = "no softmax or cross-entropy over a single unit was seen"


class Pair(nn.Module):
    """Two units; the script sees one, the logit of the second class against the first."""

    def __init__(self, inputs: int, *, bias: bool) -> None:
        super().__init__()
        self.units = nn.Linear(inputs, 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (..., inputs) to (..., 1): a softmax over two units is the sigmoid of their difference."""
        two: Tensor = self.units(x)
        return two[..., 1:] - two[..., :1]


def apply(patient: Patient) -> str:
    """The last layer is drawn anew with two units; a softmax over the one that is seen is a sigmoid."""
    last = patient.layers()[-1:] if patient.call is not None else []
    ending = [one for one in patient.layers() if isinstance(one.module, nn.Linear)] or last
    old = ending[-1].module if ending else None
    if not isinstance(old, nn.Linear) or old.out_features != 1:
        raise NotApplicable("the last layer has no single unit")
    single = SingleUnit()
    handlers = single.handlers()
    seen_in_call(patient, handlers)
    loss = patient.facts.get("loss")
    if not single.changed and loss not in {"cross_entropy", "nll_loss"}:
        raise NotApplicable(WHY)
    single.changed = 0
    with patient.streams_kept():
        new = Pair(old.in_features, bias=old.bias is not None)
    patient.swap(old, new)
    standing_in(handlers)
    required(patient, lambda: single.changed > 0, WHY)
    return f"layer {ending[-1].name}: 1 unit -> 2 units"


REMEDY = Remedy(
    name="one-unit-per-class",
    moment="start",
    changes="loss",
    apply=apply,
    lines="# in the network: as many outputs as there are classes, and no softmax behind them\n"
    "nn.Linear(width, classes)\n"
    "# where the loss is made; its targets are class numbers (torch.long)\n"
    "loss_function = nn.CrossEntropyLoss()\n",
    new_loss=True,
)
