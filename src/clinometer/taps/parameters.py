"""Parameters of one observed step: gradient, intended step, stored step, and what was lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from clinometer.records.columns import names
from clinometer.taps.reductions import nonfinite, sum_of_squares
from clinometer.taps.steps import Intention, intended_step


@dataclass
class _Before:
    weight: torch.Tensor
    grad_sq: float
    nonfinite_grad: int
    zero_grad: float
    live: torch.Tensor


@dataclass
class ParameterTap:
    """Measures each optimizer step of one observed training step.

    The weights are copied before the step and compared after it, so that a lost step is judged
    exactly, bit for bit, in the dtype that rounds.
    """

    guard: Callable[[Callable[..., None]], Callable[..., None]]
    name_of: Callable[[torch.Tensor], str]
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    _unclipped: dict[int, float] = field(default_factory=dict)
    _before: dict[int, _Before] = field(default_factory=dict)
    _undo: ExitStack = field(default_factory=ExitStack)

    def arm(self, parameters: list[torch.Tensor]) -> None:
        """Read gradients as backward leaves them, before anybody clips or unscales them."""
        with ExitStack() as undo:
            for parameter in parameters:
                if parameter.requires_grad and parameter.is_leaf:
                    hook = self.guard(partial(self._accumulated))
                    undo.callback(parameter.register_post_accumulate_grad_hook(hook).remove)
            self._undo.push(undo.pop_all())

    def _accumulated(self, parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            self._unclipped[id(parameter)] = sum_of_squares(parameter.grad)

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """At the optimizer's pre-hook: weights and gradients as the optimizer finds them."""
        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._before[id(parameter)] = _snapshot(parameter)

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """At the optimizer's post-hook: what the step was meant to be, and what was stored."""
        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    before = self._before.pop(id(parameter), None)
                    if before is not None:
                        state = optimizer.state.get(parameter, {})
                        step = intended_step(
                            type(optimizer), group, state, parameter, before.weight
                        )
                        row = self._row(parameter, before, step)
                        self.rows[self.name_of(parameter)] = row | {"lr": float(group["lr"])}

    def _row(self, parameter: torch.Tensor, before: _Before, step: Intention) -> dict[str, float]:
        size = max(parameter.numel(), 1)
        kept = before.weight * step.shrink if step.shrink != 1 else before.weight
        moved = parameter.detach().double() - before.weight.double() * step.shrink
        movable = before.live if step.momentum is None else before.live | (step.momentum != 0)
        count = int(movable.sum())
        lost = int((movable & (parameter.detach() == kept)).sum())
        weight_sq = sum_of_squares(before.weight)
        after_sq = sum_of_squares(parameter.detach())
        unclipped = self._unclipped.pop(id(parameter), float("nan"))
        return {
            "seen": 1.0,
            "weight_rms": (weight_sq / size) ** 0.5,
            "grad_rms": (unclipped / size) ** 0.5,
            "grad_step_rms": (before.grad_sq / size) ** 0.5,
            "intended_rms": (step.squares / size) ** 0.5,
            "decay_rms": abs(1 - step.shrink) * (weight_sq / size) ** 0.5,
            "stored_rms": (sum_of_squares(moved) / size) ** 0.5,
            "movable": float(count),
            "lost": lost / count if count else float("nan"),
            "zero_grad": before.zero_grad,
            "nonfinite_grad": float(before.nonfinite_grad),
            "nonfinite_weight": float(nonfinite(parameter.detach(), after_sq)),
        }

    def disarm(self) -> dict[str, dict[str, float]]:
        """Take every hook off, and hand over {parameter name: row}."""
        self._undo.close()
        self._undo = ExitStack()
        rows, self.rows = self.rows, {}
        self._before.clear()
        self._unclipped.clear()
        return rows


def _snapshot(parameter: torch.Tensor) -> _Before:
    gradient = parameter.grad
    assert gradient is not None
    dense = gradient.to_dense() if gradient.is_sparse else gradient
    squares = sum_of_squares(dense)
    live = dense != 0  # a NaN counts as live: it moves the weight
    return _Before(
        weight=parameter.detach().clone(),
        grad_sq=squares,
        nonfinite_grad=nonfinite(dense, squares),
        zero_grad=1.0 - float(live.sum()) / max(dense.numel(), 1),
        live=live,
    )


def packed(row: dict[str, Any]) -> list[float]:
    """A parameter's row in the order of `columns.PARAMETER`."""
    return [row.get(name, float("nan")) for name in names("parameter")]
