"""Which part of an activation is read, and the norms of its rows.

A row is what one weight meets at once: the features of one example (and position), or the channels
at one place of a picture. Norms of rows serve everything else: their squares sum to the RMS, their
spread over examples is the spread of the gradient, and products of two give the reach of a weight.

Norms are taken in float32 where that is safe, in float64 where a place has shown values whose squares
leave float32, and always when a place is seen for the first time: a gradient of 1e-25, ordinary below
a deep chain of sigmoids, squares to zero in float32.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

MOST_ELEMENTS = 65_536  # read of one tensor: above it, examples are sampled at an even stride ...
LEAST_EXAMPLES = 4  # ... but never fewer than these
# Where the largest norm of a place lies in this range, float32 holds its square to full precision, with
# four decades to spare for what may happen until the next look: smallest normal number 1.2e-38,
# largest 3.4e38. Rows below the last bound would read as zero in the spread over examples.
SAFE = (1e-12, 1e14)
SAFE_ROW = 1e-16
# Below this a float32 norm may owe its value, or its zero, to underflow.
TRUSTED = 1e-16


Squares = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(slots=True)  # not frozen: that would double the time to make one, on a hot path
class Taken:
    """Row norms that wait in the lane "rows".

    Attributes
    ----------
    number : their number in the lane
    wide : whether they were taken in float64
    examples, elements : how many of each were read
    name, which : the place and the direction, as `Precision` knows them
    """

    number: int
    wide: bool
    examples: int
    elements: int
    name: str
    which: str


@dataclass
class Precision:
    """By place and direction: whether the norms there must be taken in float64."""

    _narrow: set[tuple[str, str]] = field(default_factory=set)

    def wide(self, name: str, which: str) -> bool:
        """Whether to take the next norms of this place in float64."""
        return (name, which) not in self._narrow

    def learn(self, name: str, which: str, low: float, high: float) -> None:
        """Note the smallest non-zero and the largest norm seen; nan and inf ask for float64."""
        if SAFE[0] <= high <= SAFE[1] and low >= SAFE_ROW:
            self._narrow.add((name, which))
        else:
            self._narrow.discard((name, which))


def stride_for(elements: int, examples: int) -> int:
    """Every how-manieth example is read, so that about `MOST_ELEMENTS` are."""
    if elements <= MOST_ELEMENTS or examples <= LEAST_EXAMPLES:
        return 1
    return min(-(-elements // MOST_ELEMENTS), examples // LEAST_EXAMPLES)


def sampled(tensor: torch.Tensor, stride: int) -> torch.Tensor:
    """The examples that are read; without a graph."""
    tensor = tensor.detach()
    if tensor.ndim < 2:
        tensor = tensor.reshape(-1, 1)
    return tensor[::stride] if stride > 1 else tensor


def row_norms(part: torch.Tensor, wide: bool) -> torch.Tensor:
    """Norms along the last axis: float32, or float64 where wide."""
    dtype = torch.float64 if wide else None if part.dtype in _NATIVE else torch.float32
    norms: torch.Tensor = torch.linalg.vector_norm(part, dim=-1, dtype=dtype)
    return norms


def channel_norms(part: torch.Tensor, groups: int, wide: bool) -> torch.Tensor:
    """Norms over the channels (axis 1) of each group at every place: (examples, [groups,] ...).

    As a sum of products: PyTorch's norm along a strided axis takes 50 times as long on a CPU.
    """
    part = part.double() if wide else part.float() if part.dtype not in _NATIVE else part
    if groups > 1:
        part = part.unflatten(1, (groups, -1)).transpose(1, 2)
    squares: torch.Tensor = torch.linalg.vecdot(part, part, dim=1)
    return squares.sqrt_()


def real(part: torch.Tensor) -> torch.Tensor:
    """A complex tensor as a real one of twice the units."""
    return torch.view_as_real(part).flatten(-2) if part.is_complex() else part


_NATIVE = frozenset({torch.float32, torch.float64})


def spread(mean_squares: Squares) -> tuple[float, float, float]:
    """10th, 50th and 90th percentile of the roots of the examples' mean squares (nearest rank)."""
    roots = np.sqrt(np.sort(mean_squares))
    low, middle, high = (roots[round(share * (len(roots) - 1))] for share in (0.1, 0.5, 0.9))
    return float(low), float(middle), float(high)
