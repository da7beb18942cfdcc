"""Losses worked out on logits, where the script gives them probabilities.

Bishop (1995), Neural Networks for Pattern Recognition, 6.6 to 6.9: softmax with cross-entropy, sigmoid with
binary cross-entropy. The network's output stays as the script sees it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from torch import Tensor
from torch.nn import functional

from clinometer.treatment.functions import Handler
from clinometer.treatment.marks import Mark, mark_of, peeled

SINGLES = frozenset({"reduction", "size_average", "reduce"})


class Matching:
    """Handlers of the losses, and how often each change was made.

    Attributes
    ----------
    changed : change in words -> times
    """

    def __init__(self) -> None:
        self.changed: Counter[str] = Counter()

    def handlers(self) -> dict[Any, Handler]:
        """By function of torch."""
        return {
            functional.cross_entropy: self.cross_entropy,
            functional.nll_loss: self.nll_loss,
            functional.binary_cross_entropy: self.from_probabilities,
            functional.binary_cross_entropy_with_logits: self.from_logits,
            functional.mse_loss: self.squared_error,
        }

    def cross_entropy(self, func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        """Of logits, whatever squeezes them before."""
        return func(self._logits(given, "cross-entropy"), target, **kwargs)

    def from_logits(self, func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        """Binary cross-entropy of logits that nothing squeezes before."""
        return func(self._logits(given, "binary cross-entropy"), target, **kwargs)

    def nll_loss(self, func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        """Cross-entropy, unless logarithms of probabilities come in."""
        mark = mark_of(given)
        if mark is not None and mark.kind == "log":
            return func(given, target, **kwargs)
        self.changed["NLLLoss -> cross-entropy on the logits"] += 1
        return functional.cross_entropy(peeled(given), target, **kwargs)

    def from_probabilities(self, func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        """Binary cross-entropy on the logits; cross-entropy where one of several classes is asked for."""
        mark = mark_of(given)
        if mark is None or mark.kind not in {"softmax", "sigmoid"}:
            return func(given, target, **kwargs)
        if mark.kind == "softmax" and _one_of(target, mark):
            found = self._shares(given, mark, target, kwargs)
            if found is not None:
                return found
        self.changed["BCELoss -> binary cross-entropy on the logits"] += 1
        return functional.binary_cross_entropy_with_logits(peeled(given), target, **kwargs)

    def squared_error(self, func: Any, given: Tensor, target: Tensor, **kwargs: Any) -> Any:
        """Cross-entropy where the target can be probabilities of what the output says."""
        mark = mark_of(given)
        if mark is None or mark.kind == "cut" or mark.before is None or target.requires_grad:
            return func(given, target, **kwargs)
        if mark.kind == "softmax" and _one_of(target, mark):
            found = self._shares(given, mark, target, kwargs)
            return func(given, target, **kwargs) if found is None else found
        if mark.kind == "sigmoid" and _within(target) and target.shape == given.shape:
            self.changed["squared error -> binary cross-entropy on the logits"] += 1
            logits = peeled(given)
            return functional.binary_cross_entropy_with_logits(
                logits, target.to(logits.dtype), **kwargs
            )
        return func(given, target, **kwargs)

    def _logits(self, given: Tensor, loss: str) -> Tensor:
        logits = peeled(given)
        if logits is not given:
            self.changed[f"{loss} on the logits, without the {_named(given)} before it"] += 1
        return logits

    def _shares(self, given: Tensor, mark: Mark, target: Tensor, kwargs: Any) -> Tensor | None:
        """Cross-entropy against shares; None for a loss by element, which cannot become one by row."""
        if kwargs.get("reduction", "mean") == "none" or kwargs.get("weight") is not None:
            return None
        self.changed["cross-entropy on the logits"] += 1
        logits, only = peeled(given), {k: v for k, v in kwargs.items() if k in SINGLES}
        target = target.to(logits.dtype)
        if logits.ndim > 1:
            logits, target = logits.movedim(mark.axis, 1), target.movedim(mark.axis, 1)
        return functional.cross_entropy(logits, target, **only)


def _named(given: Tensor) -> str:
    mark = mark_of(given)
    return "ReLU or tanh" if mark is None or mark.kind == "cut" else mark.kind


def _within(target: Tensor) -> bool:
    return bool(((target >= 0) & (target <= 1)).all())


def _one_of(target: Tensor, mark: Mark) -> bool:
    """Whether targets are shares of classes along the softmax's axis: at least 0, and 1 together."""
    if mark.before is None or target.shape != mark.before.shape or not target.is_floating_point():
        return False
    total = target.detach().double().sum(mark.axis)
    return bool((target >= 0).all()) and bool(total.sub(1).abs().le(1e-6).all())  # float32 shares
