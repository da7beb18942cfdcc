"""What a softmax, a sigmoid or a cut-off was given, remembered at what it made.

A mark is an attribute of the output tensor; operations that only reshape or convert hand it on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from clinometer.treatment.functions import (
    CUTS,
    KEPT,
    LOGS,
    MOVED,
    SIGMOID,
    SOFTMAX,
    Handler,
)

ATTRIBUTE = "_clinometer_before"


@dataclass(frozen=True, eq=False)
class Mark:
    """Where a tensor comes from.

    Attributes
    ----------
    kind : "softmax", "sigmoid", "cut" (ReLU, tanh) or "log" (of probabilities)
    before : what went in, of the same shape; None for "log"
    axis : of a softmax
    """

    kind: str
    before: Tensor | None
    axis: int = -1


def mark_of(tensor: Any) -> Mark | None:
    """The mark of a tensor, if it has one."""
    return getattr(tensor, ATTRIBUTE, None)


def marking() -> dict[Any, Handler]:
    """Handlers that set marks and hand them on."""
    return {
        **dict.fromkeys(SOFTMAX, _softmax),
        **dict.fromkeys(SIGMOID, _sigmoid),
        **dict.fromkeys(CUTS, _cut),
        **dict.fromkeys(LOGS, _log),
        **dict.fromkeys(KEPT, _kept),
        **dict.fromkeys(MOVED, _moved),
    }


def axis_of(tensor: Tensor, dim: int | None) -> int:
    """The axis of a softmax from 0; without one, the axis that torch chooses."""
    if dim is None:
        return 0 if tensor.ndim in {0, 1, 3} else 1
    return dim % max(tensor.ndim, 1)


def marked(made: Tensor, mark: Mark) -> Tensor:
    """The tensor, marked."""
    setattr(made, ATTRIBUTE, mark)
    return made


def _softmax(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    made = func(given, *args, **kwargs)
    axis = axis_of(given, args[0] if args else kwargs.get("dim"))
    return marked(made, Mark("softmax", given, axis))


def _sigmoid(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return marked(func(given, *args, **kwargs), Mark("sigmoid", given))


def _cut(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    made = func(given, *args, **kwargs)
    in_place = made.data_ptr() == given.data_ptr()
    return made if in_place else marked(made, Mark("cut", given))


def _log(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return marked(func(given, *args, **kwargs), Mark("log", None))


def _kept(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A conversion, or a clamp that keeps probabilities off 0 and 1."""
    made = func(given, *args, **kwargs)
    mark = mark_of(given)
    return made if mark is None or mark.kind == "cut" or made is given else marked(made, mark)


def _moved(func: Any, given: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Elementwise marks go through any reshaping; a softmax's as long as its axis stays the last one."""
    made = func(given, *args, **kwargs)
    mark = mark_of(given)
    if mark is None or mark.before is None or made is given:
        return made
    if mark.kind != "softmax":
        return marked(made, Mark(mark.kind, func(mark.before, *args, **kwargs)))
    size = given.shape[mark.axis] if given.ndim else 1
    last = mark.axis == given.ndim - 1
    if not (last and made.ndim and made.shape[-1] == size and made.numel() == given.numel()):
        return made
    return marked(made, Mark("softmax", func(mark.before, *args, **kwargs), made.ndim - 1))


def peeled(tensor: Tensor) -> Tensor:
    """Logits: what is left when every softmax, sigmoid or cut-off at the end is taken off."""
    mark = mark_of(tensor)
    while mark is not None and mark.before is not None:
        tensor, mark = mark.before, mark_of(mark.before)
    return tensor


def tensors_of(output: Any) -> list[Tensor]:
    """Tensors of a network's output."""
    leaves = torch.utils._pytree.tree_leaves(output)
    return [one for one in leaves if isinstance(one, Tensor)]
