"""Whose training is recorded: one model's where one was given, else any."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn

from clinometer.attach.networks import Networks


class Scope:
    """Tells optimizers and backward passes of the watched model from those of others.

    Attributes
    ----------
    crowded : whether an optimizer of another model has stepped
    """

    def __init__(self, networks: Networks) -> None:
        self.crowded = False
        self._networks = networks
        self._model: weakref.ref[nn.Module] | None = None
        self._concerns: weakref.WeakKeyDictionary[Any, tuple[int, bool]] = (
            weakref.WeakKeyDictionary()
        )
        self._before: tuple[Any, int] = (None, -1)

    @property
    def given(self) -> bool:
        """Whether one model was given."""
        return self._model is not None

    def give(self, model: nn.Module) -> None:
        """Record this model's training, and no other's."""
        self._model = weakref.ref(model)

    def steps_elsewhere(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimizer that is about to step has nothing to do with the watched model."""
        foreign = self.is_foreign(optimizer)
        self.crowded |= foreign
        return foreign

    def is_foreign(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimizer has nothing to do with the watched model."""
        model = self._model() if self._model is not None else None
        if model is None:
            return False
        groups = optimizer.param_groups
        known = self._concerns.get(optimizer)
        if known is None or known[0] != len(groups) or not known[1]:
            ours = {id(p) for p in model.parameters()}
            mine = any(id(p) in ours for group in groups for p in group["params"])
            known = self._concerns[optimizer] = (len(groups), mine)
        return not known[1]

    def backward_begins(self) -> None:
        """Remember the gradient of one parameter of the watched model."""
        if self._model is not None:
            self._before = self._gradient()

    def backward_missed_us(self) -> bool:
        """Whether the backward pass that is over left that gradient as it was."""
        if self._model is None:
            return False
        gradient, version = self._gradient()
        return gradient is self._before[0] and version == self._before[1]

    def _gradient(self) -> tuple[Any, int]:
        first = self._networks.first_trainable()
        gradient = first.grad if first is not None else None
        return gradient, gradient._version if gradient is not None else -1
