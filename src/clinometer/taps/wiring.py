"""Which modules ran in a step, which parameters its backward passes reach, and what these found there.

A parameter of a layer that ran, but whose output was cut off (detach, argmax), is called and not reached;
one that was reached, but never called, is used as a plain tensor. A gradient that lies there already when
a step's first backward pass begins was left over from an earlier step.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from clinometer.taps.harvest import Harvest

NAN = float("nan")
Entry = tuple[int, int]  # number in the lane "left", and position in what lies there


@dataclass
class Wiring:
    """What one observed step shows of who is used.

    Attributes
    ----------
    ran : modules that ran with gradients wanted, by identity
    idle : modules that ran without
    heard : whether every module that runs is heard of; then one that was not heard of did not run
    whole : whether every graph was walked to its end
    """

    ran: dict[int, weakref.ref[nn.Module]] = field(default_factory=dict)
    idle: dict[int, weakref.ref[nn.Module]] = field(default_factory=dict)
    heard: bool = False
    whole: bool = True
    _begun: bool = False
    _reached: dict[int, weakref.ref[torch.Tensor]] = field(default_factory=dict)
    _clear: set[int] = field(default_factory=set)
    _unread: set[int] = field(default_factory=set)
    _found: dict[int, list[Entry]] = field(default_factory=dict)

    def note(self, module: nn.Module) -> None:
        """A module has run."""
        where = self.ran if torch.is_grad_enabled() else self.idle
        where[id(module)] = weakref.ref(module)

    def begin_pass(
        self, leaves: Iterable[Any], whole: bool, hears_all: bool, harvest: Harvest
    ) -> None:
        """A backward pass that reaches these leaves is about to begin.

        What lies in them is looked at where no earlier pass of the step has found them clear: nothing is,
        where gradients are set to None.
        """
        if not self._begun:
            self._begun, self.heard = True, hears_all
        self.whole &= whole
        there: list[torch.Tensor] = []
        at: list[int] = []
        for leaf in leaves:
            key = id(leaf)
            self._reached[key] = weakref.ref(leaf)
            if key in self._clear:
                continue
            gradient = leaf.grad
            if gradient is None or not gradient.numel():
                self._clear.add(key)
            elif hasattr(gradient, "to_local"):
                self._unread.add(key)
            else:
                there.append(_values(gradient))
                at.append(key)
        self._measure(there, at, harvest)

    def _measure(self, there: Sequence[torch.Tensor], at: Sequence[int], harvest: Harvest) -> None:
        """Largest elements: zero only where all are, whatever would underflow in a sum of squares."""
        lane = harvest.lane("left")
        groups: dict[Any, list[int]] = {}
        for i, gradient in enumerate(there):
            if gradient.numel():
                groups.setdefault((gradient.device, gradient.dtype), []).append(i)
            else:  # a sparse one without entries
                self._clear.add(at[i])
        with torch.no_grad():
            for members in groups.values():
                norms = torch._foreach_norm([there[i] for i in members], float("inf"))
                number = lane.take(torch.stack(norms))
                for position, i in enumerate(members):
                    self._found.setdefault(at[i], []).append((number, position))

    # -- what it comes to ---------------------------------------------------------------------------

    def leaves(self) -> list[torch.Tensor]:
        """What the passes of the step reached, as far as it lives."""
        return [leaf for link in self._reached.values() if (leaf := link()) is not None]

    def reaches(self, parameter: torch.Tensor) -> bool:
        """Whether a pass of the step reached it."""
        return id(parameter) in self._reached

    def called(self, parameter: torch.Tensor, owners: Sequence[nn.Module]) -> float:
        """1 where one of its owners ran or a pass reaches it, else 0; nan where that is not known."""
        if id(parameter) in self._reached or _is_among(owners, self.ran):
            return 1.0
        return 0.0 if owners and self.heard and self.whole else NAN

    def ran_at_all(self, parameter: torch.Tensor, owners: Sequence[nn.Module]) -> float:
        """The same, where running without gradients (`no_grad`, `inference_mode`) counts as well."""
        called = self.called(parameter, owners)
        return 1.0 if _is_among(owners, self.idle) else called

    def left_over(self, parameter: torch.Tensor, harvest: Harvest) -> float:
        """1 where every pass that reaches it found a gradient that is not all zero; nan where none does."""
        key = id(parameter)
        if key in self._clear:
            return 0.0
        if key in self._unread or key not in self._found:
            return NAN
        lane = harvest.lane("left")
        found = [lane.values[lane.starts[number] + place] for number, place in self._found[key]]
        return float(all(value != 0 for value in found))


def _is_among(owners: Sequence[nn.Module], ran: Mapping[int, weakref.ref[nn.Module]]) -> bool:
    return any((known := ran.get(id(owner))) is not None and known() is owner for owner in owners)


def _values(gradient: torch.Tensor) -> torch.Tensor:
    """A gradient's elements without a graph; of a sparse one, those that are stored."""
    gradient = gradient.detach()
    return gradient._values() if gradient.is_sparse else gradient
