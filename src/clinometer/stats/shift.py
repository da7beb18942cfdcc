"""Temperature and class shifts: softmax(beta z + c), the step of the ladder after scale.

Bias-corrected temperature scaling (Alexandari, Kundaje and Shrikumar 2020, ICML, arXiv 1901.06852); for two
classes Platt's map (1999). It removes what a wrong base rate or class weights in training cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.gaps import Array
from clinometer.stats.separable import separable
from clinometer.stats.shift_newton import Family, Level, Point, minimum
from clinometer.stats.weighting import effective_rows

Index = NDArray[np.int64]
SUBSET = 16_384  # rows on which a larger search begins: 1 / sqrt(rows) is then left of the way
NO_SIGNAL = 1e-7  # of the rows' own slopes: some 1 / sqrt(1e14 rows), and the square of it is below rounding
MOST = 1000  # shifts that are fitted; more make the curvature, of MOST^2 entries, cost more than the softmax


@dataclass(frozen=True, slots=True)
class ShiftFit:
    """The best beta >= 0 and shifts.

    Attributes
    ----------
    status : finite; separable (they could make every row right: no finite answer, the rest is None);
        alone (one class carries all labels: nothing to shift)
    beta : inverse temperature beside the shifts [-]; 0 where the logits then carry no signal
    shifts : c of each class, shape (K,), sum 0 [nat]
    rows : loss of each row [nat]
    optimism : trace(J H^-1) / (2 n), by which beta and the shifts together flatter their own rows [nat]
        (Takeuchi 1976); less the optimism of the temperature alone it belongs to the shifts
    parameters : how many were fitted
    held : classes whose shift stays 0: without labels the best shift is -inf; beyond the 1,000 commonest
        classes it is not judged
    """

    status: Literal["finite", "separable", "alone"]
    beta: float | None = None
    shifts: Array | None = None
    rows: Array | None = None
    optimism: float | None = None
    parameters: int = 0
    held: tuple[int, ...] = ()


def fit_shift(
    logits: NDArray[Any],
    labels: Index,
    weights: Array | None = None,
    start_beta: float = 1.0,
    groups: Index | None = None,
) -> ShiftFit:
    """Best temperature with class shifts, of logits (n, K) and labels (n,) in 0 .. K - 1.

    Parameters
    ----------
    weights : relative importance of each row, shape (n,), >= 0; 0 removes the row from the fit
    start_beta : where to begin, best the beta of the temperature alone
    groups : int codes from 0, shape (n,), of rows that depend on each other: the optimism then comes from
        the sums of whole groups, and is larger

    Notes
    -----
    The loss is convex: damped Newton, begun on a subset of the rows, ends where a further step would lower
    the loss by less than its rounding. Rescaled logits give beta over the scale, the same shifts and loss.

    >>> fit = fit_shift(np.array([[0.0, 9.0], [0.0, 11.0], [0.0, 10.0], [0.0, 10.0]]), np.array([0, 1, 0, 1]))
    >>> fit.status
    'separable'
    """
    counted = slice(None) if weights is None else weights > 0.0
    z, y = logits[counted], labels[counted]
    weight = np.ones(len(y)) if weights is None else weights[counted] / weights.max()
    labelled = np.asarray(np.bincount(y, weight, logits.shape[1]), dtype=np.float64)
    free = np.sort(np.argsort(-labelled, kind="stable")[:MOST])
    free = free[labelled[free] > 0.0]
    held = tuple(np.setdiff1d(np.arange(logits.shape[1]), free).tolist())
    if len(free) < 2:
        return ShiftFit("alone", held=held)
    family = Family(z, y, weight, _unit(z, start_beta), free)
    flat, flat_loss = _without_logits(labelled, free)
    point = _begin(family)
    level = family.level(point, family.basis(fixed=False))
    moving = level.loss < flat_loss or _signal(family.level(flat, family.basis(fixed=False)))
    if moving and separable(z, y, free):
        return ShiftFit("separable", held=held)
    if moving:
        point, level = minimum(family, point, level, fixed=False)
    else:
        point, level = flat, family.level(flat, family.basis(fixed=True))
    trace = level.parameters()
    if groups is not None:
        trace = family.parameters(point, level, groups[counted], fixed=not moving)
    rows = level.rows
    if weights is not None and len(y) < len(labels):
        every = Family(logits, labels, np.ones(len(labels)), family.unit, free)
        rows = every.level(point, every.basis(fixed=False)).rows
    return ShiftFit(
        "finite",
        point.beta * family.unit,
        point.shifts,
        rows,
        trace / (2.0 * effective_rows(len(y), weight)),
        len(free) - 1 + moving,
        held,
    )


def _without_logits(labelled: Array, free: Index) -> tuple[Point, float]:
    """The best shifts at beta = 0 and their mean loss: the rows of a class are alike, one stands for all."""
    shifts = np.zeros(len(labelled))
    shifts[free] = np.log(labelled[free]) - np.log(labelled[free]).mean()
    classes = np.flatnonzero(labelled)
    alike = Family(np.zeros((len(classes), len(labelled))), classes, labelled[classes], 1.0, free)
    begin = Point(0.0, shifts)
    point, level = minimum(alike, begin, alike.level(begin, alike.basis(fixed=True)), fixed=True)
    return point, level.loss


def _signal(flat: Level) -> bool:
    """Whether the loss falls as beta leaves 0: the best beta is then above 0."""
    return bool(flat.slope[0] < -NO_SIGNAL * float(np.sqrt(flat.scatter[0, 0])))


def _begin(family: Family) -> Point:
    """The minimum of a subset of the rows, where it has one; else the temperature alone."""
    alone = Point(1.0, np.zeros(family.logits.shape[1]))
    few = family.every(-(-len(family.labels) // SUBSET))
    if len(few.labels) == len(family.labels) or len(few.free) < 2:
        return alone
    if separable(few.logits, few.labels, few.free):
        return alone
    return minimum(few, alone, few.level(alone, few.basis(fixed=False)), fixed=False)[0]


def _unit(z: NDArray[Any], start_beta: float) -> float:
    """beta that the search calls 1: the given one where it can be used, else one over the largest gap."""
    if 0.0 < start_beta < np.inf:
        return start_beta
    largest = float(np.max(z.max(axis=1) - z.min(axis=1)))
    return 1.0 / largest if largest > 0.0 else 1.0
