"""Weights and groups of the rows that two models share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.predictions import Predictions
from clinometer.errors import PredictionsError
from clinometer.stats.gaps import Array

Shared = tuple[Predictions, Predictions, Array | None, NDArray[np.int64] | None]


def same_rows(a: Predictions, b: Predictions) -> Shared:
    """A and B without the rows of weight 0, the weights of the others, and their groups as 0 .. G-1.

    One model's weights or groups hold for both; where both carry them they must be equal.

    Raises
    ------
    PredictionsError : weights or groups that differ between A and B.
    """
    weights = _one(a, b, "row weights", a.weights, b.weights)
    groups = _one(a, b, "groups", a.groups, b.groups)
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1]
    if weights is None or weights.all():
        return a, b, weights, codes
    kept = np.flatnonzero(weights)
    codes = None if codes is None else np.unique(codes[kept], return_inverse=True)[1]
    return a.take(kept), b.take(kept), weights[kept], codes


def _one(
    a: Predictions, b: Predictions, name: str, of_a: NDArray[Any] | None, of_b: NDArray[Any] | None
) -> NDArray[Any] | None:
    if of_a is None or of_b is None:
        return of_b if of_a is None else of_a
    differ = of_a != of_b
    if differ.any():
        row = int(differ.argmax())
        raise PredictionsError(
            f"the {name} of {a.source} and {b.source} differ in {int(differ.sum())} of {a.n} rows, first in "
            f"row {row} (counted from 0): {of_a[row]} and {of_b[row]}. Give both the same, or only one."
        )
    return of_a
