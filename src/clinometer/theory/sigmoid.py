"""The sigmoid and its relatives, exact in float64 at any logit.

Each form is chosen so that nothing cancels: a result is off by a few units in the last place,
also where it is as small as 1e-300.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def sigmoid(h: ArrayLike) -> Array:
    """1 / (1 + exp(-h)); exp is only ever taken of a negative number, so it cannot overflow.

    >>> float(sigmoid(-20.0))
    2.0611536181902e-09
    """
    h = np.asarray(h, dtype=np.float64)
    small = np.exp(-np.abs(h))
    return np.asarray(np.where(h >= 0, 1.0, small) / (1.0 + small))


def sigmoid_slope(h: ArrayLike) -> Array:
    """sigma'(h) = sigma(h) sigma(-h) = e / (1 + e)**2 with e = exp(-abs(h)); at most 1/4.

    >>> float(sigmoid_slope(2.0))
    0.1049935854035
    """
    small = np.exp(-np.abs(np.asarray(h, dtype=np.float64)))
    return np.asarray(small / (1.0 + small) ** 2)


def softplus(h: ArrayLike) -> Array:
    """ln(1 + exp(h)), which is also the cross-entropy of a point with margin -h [nat].

    >>> float(softplus(-20.0))
    2.06115362e-09
    """
    h = np.asarray(h, dtype=np.float64)
    return np.asarray(np.maximum(h, 0.0) + np.log1p(np.exp(-np.abs(h))))
