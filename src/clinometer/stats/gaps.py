"""The loss of each row as a function of one inverse temperature, with three derivatives.

Everything is computed from the gaps d_ik = z_ik - z_i,label, so the loss at inverse temperature
beta is ln sum_k exp(beta d_ik): exact down to 1e-300 where the row is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RowTerms:
    """Loss of each row at one beta and its derivatives in beta; arrays of shape (n,).

    loss [nat], slope = E_p d, curvature = Var_p d, third = third central moment of d under p.
    """

    loss: Array
    slope: Array
    curvature: Array
    third: Array


def logit_gaps(logits: Array, labels: NDArray[np.int64]) -> Array:
    """Logits less the label's logit, shape (n, K); the label's own column is exactly 0.

    >>> logit_gaps(np.array([[1.0, 3.0]]), np.array([1]))
    array([[-2.,  0.]])
    """
    return logits - logits[np.arange(len(logits)), labels][:, None]


def row_terms(gaps: Array, beta: float) -> RowTerms:
    """Loss and derivatives of each row at inverse temperature beta (any finite real).

    Moments are taken about the most probable class, where nothing cancels: the loss is that
    class's beta d plus log1p(rest).

    >>> float(row_terms(np.array([[-20.0, 0.0]]), 1.0).loss[0])
    2.06115362e-09
    """
    rows = np.arange(len(gaps))
    with np.errstate(over="ignore"):  # beta d beyond float64 is inf, as it should be
        top = np.argmax(beta * gaps, axis=1)
        peak = gaps[rows, top]
        away = gaps - peak[:, None]  # beta * away <= 0
        weight = np.exp(beta * away)
        weight[rows, top] = 0.0  # the top class has moment 0 about itself; it enters as the 1 below
        rest = weight.sum(axis=1)
        weight /= (1.0 + rest)[:, None]
        first = np.einsum("nk,nk->n", weight, away)
        weight *= away
        second = np.einsum("nk,nk->n", weight, away)
        weight *= away
        third = np.einsum("nk,nk->n", weight, away)
        return RowTerms(
            loss=beta * peak + np.log1p(rest),
            slope=peak + first,
            curvature=np.maximum(second - first**2, 0.0),
            third=third - 3.0 * first * second + 2.0 * first**3,
        )


def all_right(gaps: Array) -> bool:
    """Whether no row has a class above its label: ties count as right, but not ties alone."""
    return bool(gaps.max() <= 0.0 and gaps.min() < 0.0)


def loss_without_temperature(gaps: Array) -> Array:
    """Limit of each row's loss as beta grows: ln(number of ties with the label), or inf if wrong."""
    ties = (gaps == 0.0).sum(axis=1).astype(np.float64)
    return np.where(gaps.max(axis=1) > 0.0, np.inf, np.log(ties))


def rms_centred(gaps: Array) -> float:
    """Root mean square of the logits after each row's mean is removed: the scale of a model."""
    centred = gaps - gaps.mean(axis=1, keepdims=True)
    largest = float(np.abs(centred).max())
    return largest * float(np.sqrt(np.mean((centred / largest) ** 2))) if largest else 0.0
