"""The chain rule at one sigmoid output, exactly (float64) and as float32 computes it.

`exact` uses the closed forms of `theory`. `in_float32` repeats, operation by operation, what common
frameworks compute for four ways to write the same loss, so that it shows which entries become exactly
0 and which updates change no bit of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.gaps import Array
from clinometer.theory.floats import is_lost
from clinometer.theory.losses import BinaryLoss
from clinometer.theory.sigmoid import sigmoid, sigmoid_slope

Floats = NDArray[Any]
RATES = (0.1, 1.0)


@dataclass(frozen=True)
class Chain:
    """One loss on one model; arrays (n,) by point, the loss is the mean over points.

    prediction = yhat; error = abs(yhat - y); slope = dyhat/dh; by_prediction = dC_i/dyhat of each
    point's own loss; by_logit = dC/dh of the mean; by_weight (d,), by_bias = dC/dw, dC/db;
    steps, lost = learning rate -> -rate * dC/dw and whether w + step == w, in `dtype`.
    by_prediction is None for losses that take the logit.
    """

    name: str
    dtype: str
    prediction: Floats
    error: Floats
    slope: Floats
    losses: Floats
    by_prediction: Floats | None
    by_logit: Floats
    by_weight: Floats
    by_bias: float
    steps: dict[float, Floats]
    lost: dict[float, NDArray[np.bool_]]

    @property
    def loss(self) -> float:
        """Mean over the points, summed in the chain's own dtype."""
        return float(self.losses.mean())


def exact(loss: BinaryLoss, h: Array, y: NDArray[np.int64], weight: Array, x: Array) -> Chain:
    """The chain in float64 without cancellation.

    h (n,) logits = x @ weight + bias; y (n,) in {0, 1}; weight (d,); x (n, d). Without a linear model
    give d = 0: what lies before the logit is then empty.
    """
    away = (1 - 2 * y) * h
    return _chain(
        loss.name,
        weight,
        x,
        loss.by_logit(h, y) / len(y),
        prediction=sigmoid(h),
        error=sigmoid(away),
        slope=sigmoid_slope(h),
        losses=loss.value(h, y),
        by_prediction=loss.by_prediction(h, y),
    )


def in_float32(path: str, h: Array, y: NDArray[np.int64], weight: Array, x: Array) -> Chain:
    """The chain as float32 computes it, from logits rounded to float32; path is in FLOAT32_PATHS.

    Zeros are exactly those of torch on a CPU; other values agree to float32 rounding.
    """
    z, t = h.astype(np.float32), y.astype(np.float32)
    p = _sigmoid32(z)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        losses, by_prediction, by_logit = FLOAT32_PATHS[path](z, p, t)
    return _chain(
        path,
        weight.astype(np.float32),
        x.astype(np.float32),
        by_logit / np.float32(len(y)),
        prediction=p,
        error=np.abs(p - t),
        slope=p * (ONE - p),
        losses=losses,
        by_prediction=by_prediction,
    )


def _chain(name: str, weight: Floats, x: Floats, by_logit: Floats, **rest: Any) -> Chain:
    dtype = weight.dtype.type
    by_weight = np.asarray(by_logit @ x, dtype=dtype)
    steps = {
        rate: np.asarray(dtype(-rate) * by_weight + dtype(0)) for rate in RATES
    }  # + 0: no -0.0
    return Chain(
        name=name,
        dtype=str(weight.dtype),
        by_logit=by_logit,
        by_weight=by_weight,
        by_bias=float(by_logit.sum()),
        steps=steps,
        lost={rate: is_lost(weight, step) for rate, step in steps.items()},
        **rest,
    )


ONE = np.float32(1)
Path32 = Callable[[Floats, Floats, Floats], tuple[Floats, Floats | None, Floats]]


def _sigmoid32(h: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(ONE / (ONE + np.exp(-h)))


def _sigmoid_squared_error(_h: Floats, p: Floats, t: Floats) -> tuple[Floats, Floats, Floats]:
    by_prediction = np.float32(2) * (p - t)
    return (p - t) ** 2, by_prediction, by_prediction * (p * (ONE - p))


def _sigmoid_cross_entropy(_h: Floats, p: Floats, t: Floats) -> tuple[Floats, Floats, Floats]:
    """Logarithms clamped at -100 and the denominator at 1e-12, as torch's BCELoss does."""
    floor = np.float32(-100)
    losses = -t * np.maximum(np.log(p), floor) - (ONE - t) * np.maximum(np.log1p(-p), floor)
    by_prediction = (p - t) / np.maximum(p * (ONE - p), np.float32(1e-12))
    return losses, by_prediction, by_prediction * (p * (ONE - p))


def _cross_entropy_with_logits(h: Floats, p: Floats, t: Floats) -> tuple[Floats, None, Floats]:
    log_p = np.minimum(h, np.float32(0)) - np.log1p(np.exp(-np.abs(h)))
    return (ONE - t) * h - log_p, None, p - t


def _two_class_softmax(h: Floats, _p: Floats, t: Floats) -> tuple[Floats, None, Floats]:
    z = np.column_stack([np.zeros_like(h), h])
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    losses = -np.where(t > 0, log_p[:, 1], log_p[:, 0])
    return losses, None, np.exp(log_p[:, 1]) - t


FLOAT32_PATHS: dict[str, Path32] = {
    "sigmoid + squared error": _sigmoid_squared_error,
    "sigmoid + cross-entropy": _sigmoid_cross_entropy,
    "cross-entropy with logits": _cross_entropy_with_logits,
    "softmax over (0, h)": _two_class_softmax,
}
