"""Can a temperature and class shifts make every row right? Decided before a fit, which would not end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.gaps import Array

Labels = NDArray[np.int64]
BLOCK = 2**20  # elements of logits that are looked at together: 8 MB
SUBSET = 4096  # rows looked at first: one overlap of two classes among them settles the question


def separable(logits: NDArray[np.floating], labels: Labels, free: NDArray[np.int64]) -> bool:
    """Whether some shifts c put no class above the label: z_k + c_k <= z_y + c_y in every row, all k.

    Then the loss of softmax(beta z + beta c) falls for ever as beta grows and has no minimum. Only the
    classes in `free` are shifted, and their shifts sum to 0; the others keep 0.

    Exact. With M_yk the largest z_k - z_y of the rows labelled y these are difference constraints
    c_y - c_k >= M_yk: they hold for some c unless a cycle of M is positive, and their smallest and largest
    solutions bound the sum of the shifts.

    >>> separable(np.array([[0.0, 1.0], [0.0, 2.0]]), np.array([0, 1]), np.array([0, 1]))
    True
    """
    few = np.unique(np.linspace(0, len(labels) - 1, SUBSET).astype(np.int64))
    for rows in (few, None) if len(labels) > SUBSET else (None,):
        part = (logits, labels) if rows is None else (logits[rows], labels[rows])
        largest = _largest_gaps(*part, free)
        if _overlap(largest):
            return False
    return _solvable(largest, held=len(free) < logits.shape[1])


def _largest_gaps(logits: NDArray[np.floating], labels: Labels, free: NDArray[np.int64]) -> Array:
    """M (r + 1, r + 1) between the free classes and, in the last place, all the held ones together."""
    classes = logits.shape[1]
    node = np.full(classes, len(free))
    node[free] = np.arange(len(free))
    held = np.flatnonzero(node == len(free))
    largest = np.full((len(free) + 1, len(free) + 1), -np.inf)
    rows = max(1, BLOCK // classes)
    for start in range(0, len(labels), rows):
        label = labels[start : start + rows]
        gaps = logits[start : start + rows] - logits[start + np.arange(len(label)), label][:, None]
        gaps[np.arange(len(label)), label] = -np.inf
        columns = np.full((len(label), len(free) + 1), -np.inf)
        columns[:, :-1] = gaps[:, free]
        if len(held):
            columns[:, -1] = gaps[:, held].max(axis=1)
        order = np.argsort(node[label], kind="stable")
        first = np.flatnonzero(np.diff(node[label][order], prepend=-1))
        at = node[label][order[first]]
        largest[at] = np.maximum(largest[at], np.maximum.reduceat(columns[order], first, axis=0))
    return largest


def _overlap(largest: Array) -> bool:
    """Whether two classes each lie above the other somewhere, or one held class above another."""
    return bool((largest + largest.T > 0.0).any())


def _solvable(largest: Array, held: bool) -> bool:
    """Whether c_y >= c_k + M_yk has a solution; with held classes, one of sum 0 that gives them 0."""
    start = np.zeros(len(largest))
    if held:
        start[:-1] = -np.inf
    lowest = _longest(largest, start)
    if lowest is None:
        return False
    if not held:
        return True
    highest = _longest(largest.T, start)
    if highest is None or lowest[-1] > 0.0 or highest[-1] > 0.0:
        return False
    return bool(lowest[:-1].sum() <= 0.0 <= -highest[:-1].sum())


def _longest(largest: Array, start: Array) -> Array | None:
    """Longest paths by rounds of relaxation; None where they do not end, as a cycle is positive."""
    longest = start
    for _ in range(len(largest) + 1):
        further = np.maximum(longest, (largest + longest).max(axis=1))
        if (further == longest).all():
            return longest
        longest = further
    return None
