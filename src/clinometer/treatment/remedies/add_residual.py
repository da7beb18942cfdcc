"""Skip connections: x + branch / sqrt(depth) around each layer with its activation, where shapes allow.

With branches of one over the root of their number the variance grows at most e-fold over the whole depth,
(1 + 1/L)^L, however deep; unscaled, it doubles per layer.
Source: Hayou et al. (2021), AISTATS (Stable ResNet).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from clinometer.treatment.network.chain import BENT, hidden, onward
from clinometer.treatment.network.sites import exchange, planned
from clinometer.treatment.network.trace import WEIGHTED, Op, Trace, trace
from clinometer.treatment.network.weights import plural
from clinometer.treatment.remedy import NotApplicable, Remedy

if TYPE_CHECKING:
    from clinometer.treatment.patient import Patient


def apply(patient: Patient) -> str:
    """The input of a layer is added to what the activation behind it gives."""
    seen = trace(patient)
    blocks = [(op, bend) for op, bend in hidden(seen) if _fits(seen, op, bend)]
    if not blocks:
        raise NotApplicable("no hidden layer with its activation keeps the shape of its input")
    scale = 1 / math.sqrt(len(blocks))
    joins = _Joins(scale)
    for layer in {op.module for op, _ in blocks}:
        layer.register_forward_pre_hook(joins.keep)
    exchange(patient, planned(seen, [bend for _, bend in blocks], joins.join))
    return f"{plural(len(blocks), 'skip connection')}, branches times {scale:.3g}"


def _fits(seen: Trace, op: Op, bend: Op) -> bool:
    alone = bend.function in BENT and any(one is bend for one in _next(seen, op))
    same = op.given is not None and op.given.shape == bend.result.shape
    return alone and same and isinstance(op.module, WEIGHTED) and seen.times(op.module) == 1


def _next(seen: Trace, op: Op) -> list[Op]:
    found = onward(seen, op)
    for one in list(found):
        if "norm" in one.function:
            found += onward(seen, one)
    return found


class _Joins:
    """The input that the latest layer was given, until the activation behind it has run."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.given: Tensor | None = None

    def keep(self, _layer: nn.Module, args: tuple[Any, ...]) -> None:
        self.given = args[0] if args and isinstance(args[0], Tensor) else None

    def join(self, original: Any, *args: Any, **options: Any) -> Any:
        given, self.given = self.given, None
        result = original(*args, **options)
        if given is None or given.shape != result.shape:
            return result
        return given + self.scale * result


REMEDY = Remedy(
    name="add-residual",
    moment="start",
    changes="network",
    apply=apply,
    lines="# in forward, for the L layers that keep the shape of x\nx = x + torch.relu(layer(x)) / L**0.5\n",
)
