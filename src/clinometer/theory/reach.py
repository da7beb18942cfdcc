"""How deep a gradient is carried: where its RMS leaves the numbers of a dtype."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clinometer.theory.floats import FLOATS

CARRIED = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Reach:
    """Where the gradient leaves a dtype, in layers below the network's output, 1 the last of them.

    Attributes
    ----------
    kind : "normal" below the smallest normal number, "zero" below half of the smallest subnormal one,
        "overflow" above the largest
    limit : log10 of that bound
    depth : layers; None where that does not happen at this gain
    seen : whether it happens within this network; otherwise its typical gain a layer is carried on
    """

    dtype: str
    kind: str
    limit: float
    depth: int | None
    seen: bool


def reaches(arriving: Sequence[float], start: float, per_layer: float) -> tuple[Reach, ...]:
    """For each dtype and bound, the depth at which the RMS of the gradient passes it.

    Parameters
    ----------
    arriving : at each layer's output, input first [decades of the gradient at the network's output]
    start : log10 of the RMS of the gradient at the network's output
    per_layer : typical gain from one layer to the one before it [decades]

    >>> found = reaches([-2.0, -1.0, 0.0], 0.0, -1.0)
    >>> [(one.dtype, one.kind, one.depth) for one in found if one.dtype == "float16"]
    [('float16', 'normal', 6), ('float16', 'zero', 9), ('float16', 'overflow', None)]
    """
    return tuple(
        _reach(name, kind, limit, arriving, start, per_layer)
        for name in CARRIED
        for kind, limit in _bounds(name)
    )


def _bounds(name: str) -> list[tuple[str, float]]:
    one = FLOATS[name]
    return [
        ("normal", math.log10(one.smallest_normal)),
        ("zero", math.log10(one.smallest_subnormal) - math.log10(2.0)),  # rounds to the nearest
        ("overflow", math.log10(one.largest)),
    ]


def _reach(
    name: str, kind: str, limit: float, arriving: Sequence[float], start: float, per_layer: float
) -> Reach:
    up = kind == "overflow"
    for depth, here in enumerate(reversed(arriving), start=1):
        if (start + here > limit) if up else (start + here < limit):
            return Reach(name, kind, limit, depth, seen=True)
    if not math.isfinite(per_layer) or per_layer == 0 or (per_layer > 0) != up:
        return Reach(name, kind, limit, None, seen=False)
    more = (limit - start - arriving[0]) / per_layer
    depth = len(arriving) + math.floor(more) + 1
    return Reach(name, kind, limit, depth, seen=False)
