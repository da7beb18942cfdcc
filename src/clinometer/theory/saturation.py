"""Where a slope is flat: scan for changes, then bisect each to neighbouring floats."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from clinometer.theory.sigmoid import Array

Region = tuple[tuple[float, float], ...]
# Every activation we know is monotone beyond +-32, has its kinks on multiples of 1/64, and no flat
# stretch narrower than 1/64. The odd offset keeps the scan off the kinks themselves.
GRID = np.arange(-32 * 64, 32 * 64 + 1) / 64.0 + 0.0041


def flat_region(slope: Callable[[Array], Array], bound: float) -> Region:
    """Open intervals of h with abs(slope(h)) < bound, ends to float precision.

    The outermost intervals are open-ended (infinite) where the scan's last point is flat.
    """

    def is_flat(h: float) -> bool:
        return bool(abs(float(slope(np.array(h)))) < bound)

    flat = np.abs(slope(GRID)) < bound
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    edges = [_edge(is_flat, float(GRID[i]), float(GRID[i + 1])) for i in changes]
    if flat[0]:
        edges.insert(0, -math.inf)
    if flat[-1]:
        edges.append(math.inf)
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _edge(is_flat: Callable[[float], bool], low: float, high: float) -> float:
    """The last flat float between low and high, one of which is flat."""
    low_is_flat = is_flat(low)
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return low if low_is_flat else high
        if is_flat(middle) == low_is_flat:
            low = middle
        else:
            high = middle
