"""Does a matrix look drawn: independent entries, or rows that are orthogonal, and nothing learned in it?

Sources: Marchenko & Pastur (1967) for the edge of the spectrum, Johnstone (2001), Annals of Statistics
29(2), for how far the largest value strays from it; Martin & Mahoney (2021), JMLR 22, for what training
adds beyond it.
"""

from __future__ import annotations

import math

import numpy as np

from clinometer.theory.sigmoid import Array

SURE = 4.0  # standard errors: 6e-5 by chance
STRAY = 5.0  # scales of Tracy & Widom's law, which goes beyond 3.3 in 1 of 1,000 matrices; sizes are finite
LEAST = 4  # entries; of fewer nothing is said
EXACT = 512  # smaller side up to which every singular value is worked out; above, power iteration
TURNS = 60
NORMAL_KURTOSIS = 3.0  # uniform and truncated entries have less; sparse or banded ones more


def unlike_drawn(weight: Array) -> str:
    """Why a weight (out, in * taps) does not look drawn with mean 0; "" where it does.

    >>> unlike_drawn(np.random.default_rng(0).standard_normal((64, 32)))
    ''
    >>> unlike_drawn(np.ones((8, 8)))
    'its mean is 1, not 0'
    """
    n = weight.size
    if not np.isfinite(weight).all():
        return "it holds NaN or Inf"
    rms = math.sqrt(float(np.mean(weight**2)))
    if rms == 0.0:
        return "it is zero throughout"
    if n < LEAST:
        return ""
    mean = float(weight.mean())
    if abs(mean) > SURE * rms / math.sqrt(n):
        return f"its mean is {mean:.2g}, not 0"
    kurtosis = float(np.mean(weight**4)) / rms**4
    if kurtosis > NORMAL_KURTOSIS + SURE * math.sqrt(24 / n):
        return f"most of its entries are near 0 beside a few large ones (kurtosis {kurtosis:.1f})"
    largest, edge = largest_singular(weight), rms * spectrum_edge(*weight.shape)
    if largest > edge:
        return f"its largest singular value is {largest:.2f}, above {edge:.2f}: it has learned"
    return ""


def spectrum_edge(rows: int, columns: int) -> float:
    """Largest singular value that a matrix of independent entries of RMS 1 has, but for rare ones.

    >>> round(spectrum_edge(256, 256), 1)
    33.2
    """
    a, b = math.sqrt(rows), math.sqrt(columns)
    return a + b + 0.5 * STRAY * math.cbrt(1 / a + 1 / b)


def largest_singular(weight: Array) -> float:
    """Largest singular value; by power iteration, which errs to the low side, where the matrix is large."""
    small = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
    if len(small) <= EXACT:
        return math.sqrt(max(float(np.linalg.eigvalsh(small)[-1]), 0.0))
    vector = np.random.default_rng(0).standard_normal(len(small))
    for _ in range(TURNS):
        vector = small @ vector
        vector /= np.linalg.norm(vector)
    return math.sqrt(float(np.dot(vector, np.dot(small, vector))))
