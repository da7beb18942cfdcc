"""Logits read in blocks that stay in the processor's cache: gaps to the label, never all at once.

A block holds the gaps of the classes other than the label, one class a row, so that each sum over the
classes is a sum of long rows. Nothing of the size of the logits is ever copied, whatever their dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
CELLS = (
    1 << 15
)  # numbers in a block: 256 KiB of float64, so that two blocks stay in a common 1 MiB cache
LARGEST_POWER = 1000  # 2**1000 is finite, and lifts the smallest float64 to 1e-23


@dataclass(frozen=True, slots=True)
class Gaps:
    """Gaps d_ik = factor (z_ik - z_i,label) of logits (n, K), any float dtype, and labels (n,).

    The differences are taken in float64. `factor` changes the sign or the unit of all of them.
    """

    logits: NDArray[Any]
    labels: Labels
    factor: float = 1.0

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Classes, the label's among them."""
        return int(self.logits.shape[1])

    def times(self, factor: float) -> Gaps:
        """The same gaps, each times factor."""
        return self if factor == 1.0 else replace(self, factor=self.factor * factor)

    def take(self, rows: NDArray[Any]) -> Gaps:
        """The gaps of some rows (numbers or a mask), copied."""
        return replace(self, logits=self.logits[rows], labels=self.labels[rows])

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        """Rows, and the gaps of their other classes, shape (K - 1, rows), to be overwritten freely."""
        step = max(1, CELLS // self.classes)
        for start in range(0, self.n, step):
            rows = slice(start, min(start + step, self.n))
            yield rows, self._others(rows)

    def _others(self, rows: slice) -> Array:
        z, labels = self.logits[rows], self.labels[rows]
        each = np.arange(len(z))
        wide = len(z) >= self.classes  # the longer axis lies contiguous: sums are then fastest
        shape = (self.classes, len(z))
        block = np.empty(shape) if wide else np.empty(shape[::-1]).T
        np.subtract(z.T, z[each, labels].astype(np.float64), out=block)
        block[labels, each] = block[0]  # class 0 takes the label's place, and its own is left out
        if self.factor != 1.0:
            block *= self.factor
        return block[1:]

    def largest(self) -> float:
        """Largest absolute gap; 0 where every logit ties."""
        return max((float(np.abs(others).max()) for _, others in self.blocks()), default=0.0)


def power_of_two_below(largest: float) -> float:
    """The power of two whose product with largest lies in 1/2 .. 1; 1 for 0. It rounds nothing.

    In this unit no power of a gap overflows.

    >>> power_of_two_below(20.0), power_of_two_below(0.0)
    (0.03125, 1.0)
    """
    return 2.0 ** min(-math.frexp(largest)[1], LARGEST_POWER) if largest else 1.0


def gaps_of(gaps: Array | Gaps) -> Gaps:
    """Gaps as they are; or an array (n, K) of them, where any column of exactly 0 may be the label's."""
    if isinstance(gaps, Gaps):
        return gaps
    return Gaps(gaps, np.asarray((gaps == 0.0).argmax(axis=1)))
