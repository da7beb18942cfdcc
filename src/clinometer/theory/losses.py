r"""Losses as functions of the logit, with their slopes, exact at any logit.

Why a gradient at the output is small, stated exactly. With p = sigma(h) and target y:

* Cross-entropy behind a sigmoid. dC/dp = (p - y) / (p (1 - p)) and dp/dh = p (1 - p). The flat
  factor cancels: dC/dh = p - y. It is small only because the point is right; a wrong point far
  out has a slope near 1. Softmax with cross-entropy behaves alike: dC/dz = p - onehot(y).
* Squared error behind a sigmoid. dC/dp = 2 (p - y) cancels nothing, so dC/dh = 2 (p - y) p (1 - p)
  vanishes on the right side and on the wrong side. Its largest value is 8/27, at p = 1/3 for y = 1.
* A sigmoid in a hidden layer. delta = (W' delta_next) * sigma'(h): no loss cancels this sigma'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.theory.sigmoid import Array, sigmoid, sigmoid_slope, softplus

WhySmall = Literal["not small", "the point is right", "flat although the point is wrong"]


@dataclass(frozen=True)
class BinaryLoss:
    """A loss behind one sigmoid; each member takes (logit h, target y in {0, 1}), elementwise.

    value : the loss [nat for cross-entropy]
    by_prediction : dC/dyhat, the slope by the sigmoid's output
    by_logit : dC/dh, the slope by the logit
    cancels_sigmoid_slope : whether sigma'(h) drops out of dC/dh
    """

    name: str
    value: Callable[[ArrayLike, ArrayLike], Array]
    by_prediction: Callable[[ArrayLike, ArrayLike], Array]
    by_logit: Callable[[ArrayLike, ArrayLike], Array]
    cancels_sigmoid_slope: bool


def _wrongward(h: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Sign s that points to the wrong side (-1 for y = 1, +1 for y = 0) and s * h, minus the margin."""
    sign = 1.0 - 2.0 * np.asarray(y, dtype=np.float64)
    return sign, np.asarray(sign * np.asarray(h, dtype=np.float64))


def _cross_entropy(h: ArrayLike, y: ArrayLike) -> Array:
    return softplus(_wrongward(h, y)[1])


def _cross_entropy_by_prediction(h: ArrayLike, y: ArrayLike) -> Array:
    sign, away = _wrongward(h, y)
    with np.errstate(over="ignore"):  # beyond 709.8 the true value has no float64: inf
        return np.asarray(sign * (1.0 + np.exp(away)))


def _cross_entropy_by_logit(h: ArrayLike, y: ArrayLike) -> Array:
    sign, away = _wrongward(h, y)
    return np.asarray(sign * sigmoid(away))


def _squared_error(h: ArrayLike, y: ArrayLike) -> Array:
    return np.asarray(sigmoid(_wrongward(h, y)[1]) ** 2)


def _squared_error_by_prediction(h: ArrayLike, y: ArrayLike) -> Array:
    sign, away = _wrongward(h, y)
    return np.asarray(2.0 * sign * sigmoid(away))


def _squared_error_by_logit(h: ArrayLike, y: ArrayLike) -> Array:
    return np.asarray(_squared_error_by_prediction(h, y) * sigmoid_slope(h))


CROSS_ENTROPY = BinaryLoss(
    "cross-entropy", _cross_entropy, _cross_entropy_by_prediction, _cross_entropy_by_logit, True
)
SQUARED_ERROR = BinaryLoss(  # without the factor 1/2: halve it for the other convention
    "squared error", _squared_error, _squared_error_by_prediction, _squared_error_by_logit, False
)
BINARY_LOSSES = {loss.name: loss for loss in (CROSS_ENTROPY, SQUARED_ERROR)}


def why_small(loss: BinaryLoss, h: float, y: int, small: float = 0.01) -> WhySmall:
    """Whether dC/dh is small because the point is right, or although it is wrong (real saturation).

    `small` is the bound on abs(dC/dh) and on the error abs(p - y) [-].

    >>> why_small(CROSS_ENTROPY, 20.0, 1), why_small(CROSS_ENTROPY, 20.0, 0)
    ('the point is right', 'not small')
    >>> why_small(SQUARED_ERROR, 20.0, 0)
    'flat although the point is wrong'
    """
    if abs(float(loss.by_logit(h, y))) >= small:
        return "not small"
    right = float(_wrongward(h, y)[1]) < 0
    return "the point is right" if right else "flat although the point is wrong"


def softmax_cross_entropy(logits: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Softmax cross-entropy of each row [nat] and its slope p - onehot(y) by the logits.

    Parameters
    ----------
    logits : float array, shape (n, K)
    labels : int array, shape (n,), in 0 .. K-1

    Notes
    -----
    The label's slope is minus the sum of the other probabilities, so that it stays exact where
    p rounds to 1. The loss is maximum + log1p(rest) of the gaps to the label's logit.

    >>> loss, slope = softmax_cross_entropy([[0.0, 20.0]], [1])
    >>> float(loss[0]), float(slope[0, 1])
    (2.0611536203e-09, -2.06115361819e-09)
    """
    z = np.asarray(logits, dtype=np.float64)
    rows, y = np.arange(len(z)), np.asarray(labels, dtype=np.int64)
    gaps = z - z[rows, y][:, None]
    top = gaps.argmax(axis=1)
    away = np.exp(gaps - gaps[rows, top][:, None])
    away[rows, top] = 0.0
    rest = away.sum(axis=1)
    away[rows, top] = 1.0
    slope: NDArray[np.float64] = away / (1.0 + rest)[:, None]
    slope[rows, y] = 0.0
    slope[rows, y] = -slope.sum(axis=1)
    return np.asarray(gaps[rows, top] + np.log1p(rest)), slope
