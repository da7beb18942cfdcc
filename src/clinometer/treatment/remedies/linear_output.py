"""The activation behind the last layer taken away, where it keeps a regression from its targets.

Outside of an activation's range no prediction can be: a squared or absolute error then drives the last unit
to where the activation is flat, and no gradient comes back. Source: Bishop (1995), Neural Networks for
Pattern Recognition, 6.1 and 6.6: linear outputs for targets whose range is not bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from clinometer.treatment.functions import ERRORS, required, standing_in
from clinometer.treatment.network.chain import PASSING
from clinometer.treatment.network.sites import take_out
from clinometer.treatment.network.trace import INPUT, Op, Trace, trace
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

LOSSES = (None, "squared_error", "absolute_error", "smooth_l1", "huber")
# What an activation can say, whatever its options; where those set the limits (hardtanh, ELU): not here.
RANGES = {
    "relu": (0.0, inf), "relu6": (0.0, 6.0), "softplus": (0.0, inf), "sigmoid": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0),
    "logsigmoid": (-inf, 0.0), "log_sigmoid": (-inf, 0.0),
}  # fmt: skip
WHY = "no squared or absolute error against a target that the activation cannot reach was seen"


def apply(patient: Patient) -> str:
    """From a new start; the script sees predictions that are not cut off, also in evaluation."""
    loss = patient.facts.get("loss")
    if loss not in LOSSES:
        raise NotApplicable(f"the loss ({loss}) is of no regression")
    seen = trace(patient)
    last = last_activation(seen)
    if last is None:
        raise NotApplicable("no activation of bounded range stands behind the last layer")
    name = last.function.rstrip("_")
    targets = Targets(*RANGES[name])
    take_out(patient, seen, [last], _activates)
    standing_in(dict.fromkeys(ERRORS, targets.error))
    required(patient, lambda: targets.outside > 0, WHY)
    return f"{name} behind the last layer taken away"


def last_activation(seen: Trace) -> Op | None:
    """The activation whose result is the only output, reshaped at most; None where its range is not known."""
    number = seen.output[0] if len(seen.output) == 1 else INPUT
    while number != INPUT and seen.ops[number].function in PASSING:
        number = seen.ops[number].sources[0] if len(seen.ops[number].sources) == 1 else INPUT
    if number == INPUT or seen.ops[number].function.rstrip("_") not in RANGES:
        return None
    return seen.ops[number]


@dataclass
class Targets:
    """What the losses of the training are held against.

    Attributes
    ----------
    low, high : what the activation can say at most
    outside : how many targets of the first batch lie beyond; -1 before it was seen
    """

    low: float
    high: float
    outside: int = -1

    def error(self, func: Any, given: Tensor, target: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The loss as it is."""
        if self.outside < 0 and given.requires_grad and not target.requires_grad:
            self.outside = int(((target < self.low) | (target > self.high)).sum())
        return func(given, target, *args, **kwargs)


def _activates(module: nn.Module) -> bool:
    """Whether it is an activation of torch."""
    return type(module).__module__ == "torch.nn.modules.activation"


REMEDY = Remedy(
    name="linear-output",
    moment="start",
    changes="network",
    act="reach the targets",
    apply=apply,
    lines="# the network returns its last layer's output: nothing behind it\n"
    "return self.last(x)  # in place of F.relu(self.last(x)), torch.tanh(...) or torch.sigmoid(...)\n",
)
