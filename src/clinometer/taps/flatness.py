"""Where an activation's slope has gone flat, counted by unit."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from clinometer.theory.activations import activation

# Activations whose slope is exactly zero on a half-line or more: only there can a unit be dead.
DEADLY = frozenset({"relu", "relu6", "hardtanh", "hardsigmoid", "hardswish"})
WINDOW = 16  # observations after which the older half of a unit's window is forgotten
MOST_EXAMPLES = (
    32  # looked at in one step: the share of one in a hundred needs no more over a window
)
MOST_VALUES = 16_384  # looked at in one call

Region = tuple[tuple[float, float], ...]
Alive = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def by_unit(tensor: torch.Tensor, channels: bool) -> torch.Tensor:
    """A few of the values of every unit: (values, units), or (examples, units, places) for pictures."""
    values = tensor.detach()
    if values.ndim < 2:
        return values.reshape(1, -1)
    step = -(-values.shape[0] // MOST_EXAMPLES)
    if step > 1:
        values = values[::step]
    more = -(-values.numel() // MOST_VALUES)
    if channels or values.ndim >= 4:
        values = values.flatten(2) if values.ndim > 2 else values
        return values[:, :, :: _odd(more)] if more > 1 and values.ndim > 2 else values
    values = values.reshape(-1, values.shape[-1])
    return values[:: _odd(more)] if more > 1 else values


def _odd(step: int) -> int:
    """An odd step does not keep time with rows of even length."""
    return step + 1 - step % 2


def flat_counts(part: torch.Tensor, regions: Region) -> torch.Tensor:
    """int64 (units,): how many of the values of each unit lie in one of the closed regions.

    NaN lies in none: it is counted as non-finite instead.
    """
    axes = (0,) if part.ndim == 2 else (0, 2)
    counts = [_inside(part, low, high).sum(dim=axes) for low, high in regions]
    if not counts:
        return torch.zeros(part.shape[1], dtype=torch.int64, device=part.device)
    return counts[0] if len(counts) == 1 else torch.stack(counts).sum(dim=0)


def _inside(part: torch.Tensor, low: float, high: float) -> torch.Tensor:
    if math.isinf(low):
        return part <= high
    if math.isinf(high):
        return part >= low
    return (part >= low) & (part <= high)


def regions_of(module: nn.Module, name: str) -> Region:
    """Where the slope of a module's activation is below 1 % of its peak, on its input."""
    if isinstance(module, nn.Hardtanh) and name == "hardtanh":
        return ((-math.inf, float(module.min_val)), (float(module.max_val), math.inf))
    if isinstance(module, nn.LeakyReLU):
        steep = abs(float(module.negative_slope)) >= 0.01
        return () if steep else ((-math.inf, 0.0),)
    return input_regions(name)


@functools.cache
def input_regions(name: str) -> Region:
    """The same for the activation of this name with its usual constants."""
    return tuple(activation(name).saturation_region)


@functools.cache
def output_regions(name: str) -> Region:
    """The same on the output of an increasing activation, which is what autograd keeps of some."""
    kind = activation(name)
    return tuple(
        (
            low if math.isinf(low) else float(kind.value(low)),
            high if math.isinf(high) else float(kind.value(high)),
        )
        for low, high in kind.saturation_region
    )


@dataclass
class UnitWindow:
    """Which units of an activation had a slope on any example of the last observations.

    The window is two halves of up to `WINDOW` observations; the older is dropped when the newer
    is full, so a unit that died is noticed after at most two halves, and one that woke at once.
    """

    judged: bool
    _alive: list[Any] = field(default_factory=lambda: [None, None])
    _examples: list[int] = field(default_factory=lambda: [0, 0])
    _observations: int = 0

    def add(self, alive: Alive, examples: int) -> None:
        """Count one observation: units that had a slope somewhere, on so many examples."""
        if not self.judged:
            return
        now = self._alive[1]
        same = now is not None and now.shape == alive.shape
        self._alive[1] = (now | alive) if same else alive
        self._examples[1] += examples

    def wake(self, alive: Alive) -> None:
        """Units whose own weights had a gradient are alive, whatever the sampled examples showed."""
        if self._alive[1] is not None and self._alive[1].shape == alive.shape:
            self._alive[1] = self._alive[1] | alive

    def turn(self) -> None:
        """An observation ends; at every `WINDOW`-th the older half is forgotten."""
        self._observations += 1
        if self._observations % WINDOW == 0:
            self._alive = [self._alive[1], None]
            self._examples = [self._examples[1], 0]

    def dead(self) -> tuple[list[int], int, int]:
        """(ids of the dead units, units, examples of the window); units is 0 where not judged."""
        known = [alive for alive in self._alive if alive is not None]
        if not self.judged or not known or known[0].shape != known[-1].shape:
            return [], 0, 0
        alive = known[0] | known[-1]
        return np.flatnonzero(~alive).tolist(), alive.size, sum(self._examples)
