"""How often a model expects each class: the mean of its probabilities."""

from __future__ import annotations

import numpy as np

from clinometer.stats.gaps import Array

BLOCK = 1 << 17  # numbers at a time: they stay in the processor's cache


def claimed_frequencies(logits: Array, weights: Array | None = None) -> Array:
    """Mean probability of each class, shape (K,), over logits (n, K) with row weights (n,).

    >>> claimed_frequencies(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([0.25, 0.75])
    """
    n, classes = logits.shape
    step = max(1, BLOCK // classes)
    total = np.zeros(classes)
    for start in range(0, n, step):
        part = logits[start : start + step]
        p = np.exp(part - part.max(axis=1, keepdims=True))
        share = 1.0 / p.sum(axis=1)
        total += (share if weights is None else share * weights[start : start + step]) @ p
    return np.asarray(total / (n if weights is None else weights.sum()))
