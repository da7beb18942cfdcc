"""The loss of each row as a function of one inverse temperature, with three derivatives.

Everything is computed from the gaps d_ik = z_ik - z_i,label, so the loss at inverse temperature
beta is ln sum_k exp(beta d_ik): exact down to 1e-300 where the row is right. The label's own gap is 0
and never summed: what is left of it is the 1 in log1p.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.stats.blocks import Array, Gaps, Labels, gaps_of, power_of_two_below
from clinometer.stats.weighting import weighted_mean

__all__ = [
    "Array",
    "Gaps",
    "Labels",
    "RowTerms",
    "all_right",
    "gaps_of",
    "logit_gaps",
    "loss_without_temperature",
    "rms_centred",
    "row_losses",
    "row_terms",
]


@dataclass(frozen=True, slots=True)
class RowTerms:
    """Loss of each row at one beta and its derivatives in beta; arrays of shape (n,).

    loss [nat], slope = E_p d, curvature = Var_p d, third = third central moment of d under p.
    """

    loss: Array
    slope: Array
    curvature: Array
    third: Array


def logit_gaps(logits: Array, labels: Labels) -> Array:
    """Logits less the label's logit, shape (n, K); the label's own column is exactly 0.

    >>> logit_gaps(np.array([[1.0, 3.0]]), np.array([1]))
    array([[-2.,  0.]])
    """
    return logits - logits[np.arange(len(logits)), labels][:, None]


def row_terms(gaps: Array | Gaps, beta: float) -> RowTerms:
    """Loss and derivatives of each row at inverse temperature beta (any finite real).

    Moments are taken about the most probable class, where nothing cancels: the loss is that
    class's beta d plus log1p(rest).

    >>> float(row_terms(np.array([[-20.0, 0.0]]), 1.0).loss[0])
    2.06115362e-09
    """
    seen = gaps_of(gaps)
    if beta < 0.0:  # the same rows seen the other way round
        back = row_terms(seen.times(-1.0), -beta)
        return RowTerms(back.loss, -back.slope, back.curvature, -back.third)
    found = RowTerms(*(np.empty(seen.n) for _ in range(4)))
    with np.errstate(over="ignore"):  # beta d beyond float64 is inf, as it should be
        for rows, others in seen.blocks():
            peak, weight, own, rest = _softmax(others, beta)
            total = rest + own
            first, second, third = _moments(weight, others, -peak, own, total)
            found.loss[rows] = beta * peak + np.log1p(rest + (own - 1.0))
            found.slope[rows] = peak + first
            square = first * first
            found.curvature[rows] = np.maximum(second - square, 0.0)
            found.third[rows] = third + first * (2.0 * square - 3.0 * second)
    return found


def row_losses(gaps: Array | Gaps, beta: float) -> Array:
    """The losses of `row_terms` alone, shape (n,) [nat], for less than half the work."""
    seen = gaps_of(gaps)
    if beta < 0.0:
        return row_losses(seen.times(-1.0), -beta)
    losses = np.empty(seen.n)
    with np.errstate(over="ignore"):
        for rows, others in seen.blocks():
            peak, _, own, rest = _softmax(others, beta)
            losses[rows] = beta * peak + np.log1p(rest + (own - 1.0))
    return losses


def _softmax(others: Array, beta: float) -> tuple[Array, Array, Array, Array]:
    """Highest gap (b,), weights exp(beta (d - highest)) of the others (K - 1, b), of the label, and sum.

    `others` becomes d - highest in place. Of a right row the highest gap is the label's 0, and its
    weight exactly 1.
    """
    peak = np.maximum(others.max(axis=0), 0.0)
    others -= peak
    weight = np.multiply(others, beta)
    np.exp(weight, out=weight)
    return peak, weight, np.exp(-beta * peak), weight.sum(axis=0)


def _moments(
    weight: Array, away: Array, own_away: Array, own: Array, total: Array
) -> tuple[Array, Array, Array]:
    """First three moments of the distance to the highest gap; `weight` is used up."""
    found = []
    for _ in range(3):
        own = own * own_away
        weight *= away
        found.append((weight.sum(axis=0) + own) / total)
    return found[0], found[1], found[2]


def all_right(gaps: Array | Gaps) -> bool:
    """Whether no row has a class above its label: ties count as right, but not ties alone."""
    lowest = 0.0
    for _, others in gaps_of(gaps).blocks():
        if others.max() > 0.0:
            return False
        lowest = min(lowest, float(others.min()))
    return lowest < 0.0


def loss_without_temperature(gaps: Array | Gaps) -> Array:
    """Limit of each row's loss as beta grows: ln(number of ties with the label), or inf if wrong."""
    seen = gaps_of(gaps)
    losses = np.empty(seen.n)
    for rows, others in seen.blocks():
        ties = np.log1p((others == 0.0).sum(axis=0))
        losses[rows] = np.where(others.max(axis=0) > 0.0, np.inf, ties)
    return losses


def rms_centred(gaps: Array | Gaps, weights: Array | None = None) -> float:
    """Root mean square of the logits after each row's mean is removed: the scale of a model."""
    seen = gaps_of(gaps)
    unit = power_of_two_below(seen.largest())
    squares = np.empty(seen.n)
    for rows, others in seen.times(unit).blocks():
        mean = others.sum(axis=0) / seen.classes
        squares[rows] = (((others - mean) ** 2).sum(axis=0) + mean**2) / seen.classes
    return float(np.sqrt(weighted_mean(squares, weights))) / unit
