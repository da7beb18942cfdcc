"""Where an activation's slope has gone flat, per element and per unit."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from clinometer.theory.activations import activation

# Activations whose slope is exactly zero on a half-line or more: only there can a unit be dead.
DEADLY = frozenset({"relu", "relu6", "hardtanh", "hardsigmoid", "hardswish"})
WINDOW = 16  # observations after which the older half of a unit's window is forgotten


def flat(module: nn.Module, name: str, inputs: torch.Tensor) -> torch.Tensor:
    """bool, shape of the inputs: elements whose slope is below 1 % of the activation's peak.

    NaN inputs count as not flat: they are counted as non-finite instead.
    """
    mask = torch.zeros(inputs.shape, dtype=torch.bool, device=inputs.device)
    for low, high in _regions(module, name):
        inside = inputs > low if math.isinf(high) else inputs < high
        if not (math.isinf(high) or math.isinf(low)):
            inside = inside & (inputs > low)
        mask |= inside
    if name in {"relu", "relu6"}:
        mask |= inputs == 0  # PyTorch's derivative there is 0
    return mask


def _regions(module: nn.Module, name: str) -> tuple[tuple[float, float], ...]:
    if isinstance(module, nn.Hardtanh) and name == "hardtanh":
        return ((-math.inf, float(module.min_val)), (float(module.max_val), math.inf))
    if isinstance(module, nn.LeakyReLU):
        steep = abs(float(module.negative_slope)) >= 0.01
        return () if steep else ((-math.inf, 0.0),)
    return tuple(activation(name).saturation_region)


class UnitWindow:
    """Which units of an activation had a slope on any example of the last observations.

    The window is two halves of up to `WINDOW` observations; the older is dropped when the newer
    is full, so a unit that died is noticed after at most two halves, and one that woke at once.
    """

    def __init__(self, activation_name: str) -> None:
        self.judged = activation_name in DEADLY
        self._alive: list[Any] = [None, None]
        self._examples = [0, 0]
        self._observations = 0

    def add(self, mask: torch.Tensor, axis: int) -> None:
        """Count one call: `mask` is True where the slope is flat."""
        if not self.judged:
            return
        others = [i for i in range(mask.ndim) if i != axis]
        alive = (~mask).sum(dim=others) > 0 if others else ~mask
        now = self._alive[1]
        same = now is not None and now.shape == alive.shape
        self._alive[1] = (now | alive) if same else alive
        self._examples[1] += mask.shape[0] if mask.ndim > 1 else 1

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
        ids = torch.nonzero(~alive).reshape(-1).tolist()
        return ids, alive.numel(), sum(self._examples)
