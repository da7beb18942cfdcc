"""What an optimizer's formula asks for, in float64, before its result is rounded and stored.

Known exactly for SGD, Adam and AdamW of torch.optim (algorithms as in PyTorch's documentation).
For any other optimizer the intended step is "not judged": the recording holds NaN there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from clinometer.taps.reductions import sum_of_squares


@dataclass(frozen=True)
class Intention:
    """The step asked for.

    Attributes
    ----------
    squares : sum of squares of the step without decoupled decay; nan where it is not known
    shrink : factor by which decoupled weight decay multiplies the weight first
    momentum : the optimizer's momentum after the step, or None
    """

    squares: float
    shrink: float = 1.0
    momentum: torch.Tensor | None = None


def intended_step(
    kind: type,
    group: Mapping[str, Any],
    state: Mapping[str, Any],
    parameter: torch.Tensor,
    weight: torch.Tensor,
) -> Intention:
    """The step that `kind` asks for, from its group and its state after the step.

    Parameters
    ----------
    weight : the parameter's values before the step
    """
    if parameter.grad is None or parameter.grad.is_sparse or parameter.is_complex():
        return Intention(float("nan"))
    if kind is torch.optim.SGD:
        return _sgd(group, state, parameter.grad, weight)
    if kind in (torch.optim.Adam, torch.optim.AdamW):
        return _adam(kind, group, state)
    return Intention(float("nan"))


def _sgd(
    group: Mapping[str, Any], state: Mapping[str, Any], gradient: torch.Tensor, weight: torch.Tensor
) -> Intention:
    direction = gradient.double()
    if group.get("maximize"):
        direction = -direction
    if group["weight_decay"]:
        direction = direction + group["weight_decay"] * weight.double()
    buffer = state.get("momentum_buffer")
    if group["momentum"] and buffer is not None:
        ahead = group["momentum"] * buffer.double()
        direction = direction + ahead if group["nesterov"] else buffer.double()
    return Intention(float(group["lr"]) ** 2 * sum_of_squares(direction), momentum=buffer)


def _adam(kind: type, group: Mapping[str, Any], state: Mapping[str, Any]) -> Intention:
    if "exp_avg" not in state:
        return Intention(float("nan"))
    beta1, beta2 = (float(beta) for beta in group["betas"])
    count, rate = float(state["step"]), float(group["lr"])
    second = state["max_exp_avg_sq"] if group.get("amsgrad") else state["exp_avg_sq"]
    mean = state["exp_avg"].double() / (1 - beta1**count)
    root = (second.double() / (1 - beta2**count)).sqrt()
    squares = rate**2 * sum_of_squares(mean / (root + group["eps"]))
    decoupled = kind is torch.optim.AdamW or bool(group.get("decoupled_weight_decay"))
    shrink = 1 - rate * float(group["weight_decay"]) if decoupled else 1.0
    return Intention(squares, shrink, momentum=state["exp_avg"])
