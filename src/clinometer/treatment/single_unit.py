"""A softmax over a single unit, which is always 1, taken as the sigmoid of that unit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from clinometer.treatment.functions import LOG_SOFTMAX, SOFTMAX, Handler
from clinometer.treatment.marks import Mark, axis_of, mark_of, marked, marking, peeled


class SingleUnit:
    """Handlers of softmaxes and losses over one unit.

    Attributes
    ----------
    changed : how many softmaxes and losses were taken otherwise
    """

    def __init__(self) -> None:
        self.changed = 0

    def handlers(self) -> dict[Any, Handler]:
        """By function of torch."""
        marks = marking()
        self._softmax = marks[functional.softmax]
        return {
            **marks,
            **dict.fromkeys(SOFTMAX, self.softmax),
            **dict.fromkeys(LOG_SOFTMAX, self.log_softmax),
            functional.binary_cross_entropy: self.from_probabilities,
            functional.cross_entropy: self.cross_entropy,
        }

    def softmax(self, func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """A sigmoid where there is one unit."""
        if not _single(given, args, kwargs):
            return self._softmax(func, given, *args, **kwargs)  # type: ignore[no-any-return]
        self.changed += 1
        return marked(torch.sigmoid(given), Mark("sigmoid", given))

    def log_softmax(self, func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """A log-sigmoid where there is one unit."""
        if not _single(given, args, kwargs):
            return func(given, *args, **kwargs)  # type: ignore[no-any-return]
        self.changed += 1
        return functional.logsigmoid(given)

    def from_probabilities(self, func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        """Binary cross-entropy on the logits."""
        mark = mark_of(given)
        if mark is None or mark.kind != "sigmoid":
            return func(given, target, **kwargs)
        return functional.binary_cross_entropy_with_logits(peeled(given), target, **kwargs)

    def cross_entropy(self, func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        """Over one class it is always 0: binary cross-entropy where the target is a share of it."""
        if given.ndim != 2 or given.shape[1] != 1 or target.shape != given.shape:
            return func(given, target, **kwargs)
        self.changed += 1
        reduction = kwargs.get("reduction", "mean")
        found = functional.binary_cross_entropy_with_logits(
            given, target.to(given.dtype), reduction=reduction
        )
        return found.squeeze(1) if reduction == "none" else found


def _single(given: Tensor, args: tuple[Any, ...], kwargs: Any) -> bool:
    axis = axis_of(given, args[0] if args else kwargs.get("dim"))
    return given.ndim > 0 and given.shape[axis] == 1
