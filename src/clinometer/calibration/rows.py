"""What is known of the rows beside labels and logits: their weights, and the groups they come from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.labels import missing_among
from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.gaps import Array

if TYPE_CHECKING:
    from clinometer.calibration.predictions import Predictions


def row_weights(source: str, weights: Any, rows: int) -> Array | None:
    """Relative importances, shape (rows,), finite, >= 0 and not all 0; None stays None.

    Raises
    ------
    PredictionsError, ShapeError : another shape, NaN, infinite, negative, or nothing but zeros.
    """
    if weights is None:
        return None
    try:
        w = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionsError(
            f"{source}: the row weights are not numeric ({error}): give numbers"
        ) from None
    if w.shape != (rows,):
        raise ShapeError(f"{source}: the row weights have shape {w.shape}: expected ({rows},)")
    bad = ~np.isfinite(w) | (w < 0.0)
    if bad.any():
        row = int(bad.argmax())
        raise PredictionsError(
            f"{source}: {int(bad.sum())} of {rows} row weights are NaN, infinite or negative, the first "
            f"({w[row]:g}) in row {row} (counted from 0). Expected 0 or more; 0 leaves a row out."
        )
    if not w.any():
        raise PredictionsError(f"{source}: every row weight is 0: no row is left to judge")
    return w


def row_groups(source: str, groups: Any, rows: int) -> NDArray[np.str_] | None:
    """Name of each row's group, shape (rows,); None stays None.

    Raises
    ------
    PredictionsError, ShapeError : another shape, or rows without a group.
    """
    if groups is None:
        return None
    names = np.asarray(groups)
    if names.shape != (rows,):
        raise ShapeError(f"{source}: groups have shape {names.shape}: expected ({rows},)")
    missing = missing_among(names)
    if missing.any():
        row = int(missing.argmax())
        raise PredictionsError(
            f"{source}: {int(missing.sum())} of {rows} rows have no group, the first is row {row} "
            "(counted from 0): name the group, or give those rows one of their own"
        )
    return names.astype(str)


def with_rows(model: Predictions, *, groups: Any = None, weights: Any = None) -> Predictions:
    """The same predictions with groups or weights, given as arrays or as a column's name in `extra`."""
    if groups is not None:
        groups = row_groups(model.source, _column(model, groups), model.n)
        model = replace(model, groups=groups)
    if weights is not None:
        weights = row_weights(model.source, _column(model, weights), model.n)
        model = replace(model, weights=weights)
    return model


def _column(model: Predictions, values: Any) -> Any:
    if not isinstance(values, str):
        return values
    if values not in model.extra:
        there = ", ".join(model.extra) or "none"
        raise PredictionsError(
            f"{model.source}: there is no column {values!r} beside the predictions (found: {there})"
        )
    return model.extra[values]
