"""Labels of any kind as the numbers of their columns, and one clear message for each that is not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import PredictionsError, ShapeError

Labels = NDArray[np.int64]


def label_numbers(
    source: str, labels: Any, rows: int, columns: int, classes: tuple[str, ...] | None
) -> Labels:
    """Column number of each label, shape (rows,), in 0 .. columns - 1.

    Whole numbers (also as floats or booleans) are column numbers; text is looked up in `classes`.

    Raises
    ------
    PredictionsError, ShapeError : missing labels, labels without a column, another number of rows.
    """
    y = plain(source, labels)
    if y.shape != (rows,):
        raise ShapeError(
            f"{source}: label has shape {y.shape} and the logits {rows} rows: give one per example"
            + _several(y)
        )
    if y.dtype.kind in "US":
        y = _by_name(source, y.astype(str), classes)
    if y.dtype.kind == "f" and (y == np.floor(y)).all():
        y = y.astype(np.int64)
    if y.dtype.kind not in "iub":
        raise PredictionsError(f"{source}: labels are {y.dtype}: expected whole numbers or names")
    outside = (y < 0) | (y >= columns)
    if outside.any():
        row = int(outside.argmax())
        raise PredictionsError(
            f"{source}: {int(outside.sum())} labels lie outside the classes 0 to {columns - 1}, the "
            f"first is {y[row]} in row {row} (counted from 0). Number the classes from 0."
        )
    return y.astype(np.int64)


def plain(source: str, labels: Any) -> NDArray[Any]:
    """Labels as an array of numbers, booleans or text; a missing one (None, NaN, "") is an error."""
    y = np.asarray(labels)
    missing = missing_among(y)
    if missing.any():
        row = int(np.argwhere(missing)[0][0])
        raise PredictionsError(
            f"{source}: {int(missing.sum())} of {y.size} labels are missing, the first in row {row} "
            "(counted from 0): drop these rows, or give them a class of their own"
        )
    if y.dtype.kind != "O":
        return y
    kinds = {type(label) for label in y.ravel().tolist()}
    if kinds <= {bool, np.bool_}:
        return y.astype(np.bool_)
    if all(issubclass(kind, (int, float, np.integer, np.floating)) for kind in kinds):
        return y.astype(np.float64)
    return y.astype(str)


def missing_among(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Which entries are None, NaN, pandas' NA or blank text; the shape of y."""
    if y.dtype.kind == "f":
        return np.asarray(np.isnan(y))
    if y.dtype.kind in "US":
        return np.asarray(np.char.str_len(np.char.strip(y)) == 0)
    if y.dtype.kind == "O":
        return np.array([_is_missing(label) for label in y.ravel()], dtype=bool).reshape(y.shape)
    return np.zeros(y.shape, dtype=bool)


def _is_missing(label: Any) -> bool:
    """None, NaN, pandas' NA (which is equal to nothing and has no truth), or blank text."""
    if label is None or type(label).__name__ in {"NAType", "NaTType"}:
        return True
    return not label.strip() if isinstance(label, str) else bool(label != label)  # noqa: PLR0124


def _several(y: NDArray[Any]) -> str:
    if y.ndim != 2 or y.shape[1] < 2:
        return ""
    return ". Several labels a row are several questions: judge each column with its own logits"


def _by_name(source: str, names: NDArray[np.str_], classes: tuple[str, ...] | None) -> Labels:
    if classes is None:
        raise PredictionsError(
            f"{source}: labels are names ({names[0]!r}, …) but the columns have none. Name them "
            "(logit_NAME in a csv, an array `classes` in an npz) or number the labels from 0."
        )
    found, which = np.unique(names, return_inverse=True)
    place = {name: k for k, name in enumerate(classes)}
    missing = [name for name in found.tolist() if name not in place]
    if missing:
        count = int(np.isin(names, missing).sum())
        raise PredictionsError(
            f"{source}: label {missing[0]!r} lies outside the classes {', '.join(classes)} ({count} "
            "such rows): the model gives it no probability. Drop these rows, or mend the name."
        )
    return np.array([place[name] for name in found.tolist()], dtype=np.int64)[which]
