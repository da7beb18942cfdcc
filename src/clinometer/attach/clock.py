"""When is a step over? The optimizer says so; where there is none, the next backward pass does.

Steps are counted by one optimizer, the ticker: the first that stepped, or another that has stepped twice
while the ticker has not (a new phase of the training). Until an optimizer has stepped, a backward pass
may be one of several (gradient accumulation), a step whose weights the script moves itself, or one that
the script forgets to take; the weights and the gradients tell which.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch

from clinometer.taps.elements import few, joined

MOST_PASSES = 64  # backward passes that nothing follows; after these no step is waited for


class Clock:
    """Follows optimizers and backward passes.

    Attributes
    ----------
    manual : whether a step is one backward pass: the script moves its weights itself, or never
    idle : whether no step is waited for any more, though nothing has moved the weights
    waits : whether a backward pass is over and nothing has stepped since
    due : whether a step ended inside a backward pass (an optimizer for each parameter)
    usual_passes : backward passes in the last step
    steps : optimizer steps begun so far, of any optimizer
    sheet : the parameters of a step without an optimizer that is going on, where it is observed
    """

    def __init__(self) -> None:
        self.manual = self.idle = False
        self.waits = False
        self.due = self._within = False
        self.usual_passes = 1
        self.sheet: Any = None
        self.steps = 0
        self._ticker: weakref.ref[torch.optim.Optimizer] | None = None
        self._others: dict[int, int] = {}
        self._inside = 0
        self._evaluations = 0
        self._known: Any = weakref.WeakSet()
        self._prints: list[tuple[list[torch.Tensor], list[torch.Tensor]]] = []
        self._strays: list[weakref.ref[torch.Tensor]] = []

    @property
    def inside(self) -> bool:
        """Whether an optimizer is stepping: a closure's backward passes happen there."""
        return self._inside > 0

    @property
    def unsettled(self) -> bool:
        """Whether no optimizer has stepped yet."""
        return self._ticker is None

    @property
    def ordinary(self) -> bool:
        """Whether steps are one optimizer's, as far as has been seen."""
        plain = self._ticker is not None and not self.manual and not self._within
        return plain and not self._others

    def is_due(self) -> None:
        """A step ended inside a backward pass: it is over when that is."""
        self.due = self._within = True

    def ticker(self) -> torch.optim.Optimizer | None:
        """The optimizer that counts the steps."""
        return self._ticker() if self._ticker is not None else None

    def quick(self, passes: int) -> None:
        """An ordinary step is over."""
        self.steps += 1
        self.usual_passes = passes or 1

    # -- optimizers -------------------------------------------------------------------------------

    def begins(self, optimizer: torch.optim.Optimizer) -> bool:
        """An optimizer steps; True where it was not known."""
        self._inside += 1
        self.steps += 1
        self._evaluations = 0
        self.waits = False
        self._prints = []
        if self.manual and self._ticker is None:
            self.manual = self.idle = False
        new = optimizer not in self._known
        if new:
            self._known.add(optimizer)
        if self._ticker is None:
            self._ticker = weakref.ref(optimizer)
        return new

    def ends(self, optimizer: torch.optim.Optimizer) -> bool:
        """It has stepped; True where that ends a step of the training."""
        self._inside = max(self._inside - 1, 0)
        return self._counts(optimizer)

    def skips(self, optimizer: torch.optim.Optimizer) -> bool:
        """Its step was left out; True where that ends a step of the training."""
        self.waits = False
        self._prints = []
        if self._ticker is None:
            self._ticker = weakref.ref(optimizer)
        return self._counts(optimizer)

    def _counts(self, optimizer: torch.optim.Optimizer) -> bool:
        ticker = self.ticker()
        if optimizer is ticker:
            return True
        seen = self._others[id(optimizer)] = self._others.get(id(optimizer), 0) + 1
        if ticker is None or seen >= 2:
            self._ticker = weakref.ref(optimizer)
            return True
        return False

    def again(self) -> bool:
        """A loss is about to be propagated; True for a further evaluation inside one optimizer step."""
        if not self._inside:
            return False
        self._evaluations += 1
        return self._evaluations > 1

    def tick(self, passes: int) -> None:
        """A step is over."""
        self._others.clear()
        self.usual_passes = max(passes, 1) if not self._inside else 1
        self.due = False
        self.sheet = None

    # -- no optimizer -----------------------------------------------------------------------------

    def note_backward(self, parameters: list[torch.Tensor], look: Any) -> None:
        """A backward pass is over: remember the weights, to see whether they move."""
        if self._inside:
            return
        self.waits = True
        live = [p for p in parameters if p.grad is not None and p.numel() and not p.is_complex()]
        if not self.manual:
            live.sort(key=lambda p: few(p).ndim != 2)
            self._prints = [(live, joined([few(p) for p in live]))] if live else []
        if look is not None and self.sheet is not None:
            look.parameters.forget(self.sheet, look.harvest)
        if look is not None and live:
            self.sheet = look.parameters.begin_manual(live, look.harvest)

    def moved(self) -> bool:
        """Whether any of those weights has changed since."""
        for parameters, before in self._prints:
            now = joined([few(p) for p in parameters])
            if len(now) != len(before):
                return True
            if any(
                a.shape != b.shape or not torch.equal(a, b)
                for a, b in zip(now, before, strict=True)
            ):
                return True
        return False

    def gives_up(self, passes: int) -> bool:
        """Whether no step is to come of the passes so far: their gradients are gone, or they are many."""
        live = [parameter for parameters, _ in self._prints for parameter in parameters]
        if passes >= MOST_PASSES or (bool(live) and not any(map(_holds_gradient, live))):
            self.manual = self.idle = True
        return self.idle

    def strays(self) -> list[torch.Tensor]:
        """Leaves that belong to no module."""
        return [p for p in (link() for link in self._strays) if p is not None]

    def note_leaves(self, leaves: Iterable[torch.Tensor]) -> None:
        """Leaves that a graph was seen to end in."""
        known = {id(p) for p in self.strays()}
        self._strays += [weakref.ref(p) for p in leaves if id(p) not in known]


def _holds_gradient(parameter: torch.Tensor) -> bool:
    gradient = parameter.grad
    if gradient is None:
        return False
    values = gradient.detach()._values() if gradient.is_sparse else gradient.detach()
    return bool(values.any())
