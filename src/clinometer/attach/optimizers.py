"""The optimizers of a run: how many were made, and how many of them ever stepped."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import torch


class Optimizers:
    """Remembers, weakly, every optimizer that was made or was seen to step.

    Attributes
    ----------
    made : optimizers known so far, those that are gone included
    stepped : how many of them stepped, or were to step and were left out by a loss scaler
    """

    def __init__(self) -> None:
        self.made = self.stepped = 0
        self._looked = False
        self._known: Any = weakref.WeakSet()
        self._active: Any = weakref.WeakSet()

    def add(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer is there."""
        if optimizer not in self._known:
            self._known.add(optimizer)
            self.made += 1

    def find(self, is_foreign: Callable[[torch.optim.Optimizer], bool]) -> None:
        """Look once through what lives for those that were made before we came."""
        if self._looked:
            return
        self._looked = True
        for found in gc.get_objects():
            if issubclass(type(found), torch.optim.Optimizer) and not is_foreign(found):
                self.add(found)

    def steps(self, optimizer: torch.optim.Optimizer) -> None:
        """It steps."""
        self.add(optimizer)
        if optimizer not in self._active:
            self._active.add(optimizer)
            self.stepped += 1

    def owned(self) -> set[int]:
        """Identities of the parameters that the living ones own."""
        groups = [group for optimizer in list(self._known) for group in optimizer.param_groups]
        return {id(parameter) for group in groups for parameter in group["params"]}
