"""What goes into a root or a logarithm kept above 0, where the derivative is infinite.

The slope of a root at 0 is infinite, and times the 0 of what it is a root of it is NaN. At the least normal
number of the format the slope is finite; below it the value is held, so that no gradient passes: at 0 this is
a subgradient of a distance. Every other value stays as it is, bit by bit.
Source: IEEE 754-2019, 7.2 and 7.3; Rockafellar (1970), Convex Analysis, section 23 (the norm's subgradients).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from clinometer.treatment.functions import Handler, is_proposed, required, standing_in
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient

NAME = "guard-root"
ROOTS = (torch.sqrt, torch.Tensor.sqrt, torch.rsqrt, torch.Tensor.rsqrt)
LOGS = (torch.log, torch.Tensor.log, torch.log2, torch.Tensor.log2, torch.log10, torch.Tensor.log10)
POWERS = (torch.pow, torch.Tensor.pow, torch.Tensor.__pow__)
WHY = "no root or logarithm of 0 was seen"


def apply(patient: Patient) -> str:
    """In the network, in the loss and in evaluation; not in what a function of torch calls itself."""
    if not patient.optimizers:
        raise NotApplicable("no optimizer was seen")
    guard, proposed = Guard(), is_proposed(patient, NAME)
    standing_in(guard.handlers())
    required(patient, lambda: guard.held or (proposed and guard.seen), WHY)
    return "roots and logarithms take no less than the least normal number"


class Guard:
    """Handlers of functions whose slope at 0 is infinite.

    Attributes
    ----------
    seen : whether one was called on the way of a gradient
    held : whether a number below the least normal one was held there
    """

    def __init__(self) -> None:
        self.seen = self.held = False

    def handlers(self) -> dict[Any, Handler]:
        """By function of torch."""
        return {
            **dict.fromkeys((*ROOTS, *LOGS), self.plain),
            **dict.fromkeys(POWERS, self.power),
        }

    def plain(self, func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Any:
        """A root or a logarithm."""
        return func(self.above(given), *args, **kwargs)

    def power(self, func: Any, given: Any, *args: Any, **kwargs: Any) -> Any:
        """A power whose slope at 0 is infinite: its exponent is less than 1, and not 0."""
        exponent = args[0] if args else kwargs.get("exponent")
        steep = isinstance(exponent, int | float) and exponent < 1 and exponent != 0
        return func(self.above(given) if steep else given, *args, **kwargs)

    def above(self, given: Any) -> Any:
        """The tensor, with no number below the least normal one; what is NaN stays NaN."""
        if not isinstance(given, Tensor) or not given.is_floating_point():
            return given
        tiny = torch.finfo(given.dtype).tiny
        if given.requires_grad and torch.is_grad_enabled():
            self.seen = True
            self.held = self.held or bool((given < tiny).any())
        return given.clamp_min(tiny)


REMEDY = Remedy(
    name=NAME,
    moment="start",
    changes="numbers",
    apply=apply,
    lines="# where the root of a distance is taken; likewise in a logarithm\n"
    "distance = torch.sqrt(squares.clamp_min(torch.finfo(squares.dtype).tiny))\n",
)
