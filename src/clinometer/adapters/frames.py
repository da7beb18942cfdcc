"""Frames and series of any library, through narwhals: columns, labels, and whether the rows are the same.

pandas, polars, PyArrow and whatever else narwhals knows are read alike and none of them is imported here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.arrow_columns import ONE_COLUMN, PREFIXES, WEIGHTS
from clinometer.calibration.labels import missing_among, plain
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.errors import PredictionsError


def wrapped(values: Any) -> Any:
    """A narwhals frame or series, or None where `values` is neither."""
    if isinstance(values, np.ndarray | list | tuple | dict | str) or values is None:
        return None
    import narwhals.stable.v2 as nw

    known = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(known, nw.LazyFrame):
        return known.collect()
    return known if isinstance(known, nw.DataFrame | nw.Series) else None


def is_frame(values: Any) -> bool:
    """Whether `values` has named columns."""
    return hasattr(wrapped(values), "columns")


def array_of(values: Any) -> Any:
    """A series, frame or tensor as a NumPy array; anything else unchanged.

    Missing entries stay NaN or None, for the checks of labels, weights and logits to name.
    """
    from clinometer.adapters.torch_models import as_array

    known = wrapped(values)
    if known is None:
        return as_array(values)
    if hasattr(known, "columns"):
        return np.column_stack([series_array(known[name]) for name in known.columns])
    return series_array(known)


def series_array(series: Any) -> NDArray[Any]:
    """Values of a narwhals series: numbers as numbers, everything else by its entries."""
    if series.dtype.is_numeric() and not series.null_count():
        return np.asarray(series.to_numpy())
    entries = np.empty(len(series), dtype=object)
    entries[:] = series.to_list()
    if not series.dtype.is_numeric():
        return entries
    return np.where(missing_among(entries), np.nan, entries).astype(np.float64)


def same_rows(first: str, a: Any, second: str, b: Any) -> str | None:
    """A note where the indices of two pandas objects differ; None where they agree or have none.

    Raises
    ------
    PredictionsError : where both have the same entries in another order: then the rows are mixed up.
    """
    one, two = _index(a), _index(b)
    if one is None or two is None or len(one) != len(two) or one.equals(two):
        return None
    at = int(np.argmax(np.asarray(one != two)))
    where = f"first in row {at} (counted from 0): {one[at]} and {two[at]}"
    if set(one.tolist()) == set(two.tolist()):
        raise PredictionsError(
            f"{first} and {second} have the same index in another order, {where}. Rows are taken by "
            f"place, so they would be mixed up: give {second}.loc[{first}.index]"
        )
    return (
        f"the indices of {first} and {second} differ, {where}; rows were taken by their place. "
        "Reset both indices if that is meant"
    )


def _index(values: Any) -> Any:
    known = wrapped(values)
    if known is None:
        return None
    import narwhals.stable.v2 as nw

    return nw.maybe_get_index(known)


def frame_predictions(
    frame: Any, labels: Any = None, *, probabilities: bool = False, source: str = "frame"
) -> Predictions:
    """Predictions of a frame: its columns mean what they mean in a csv or Parquet file.

    With `labels` beside it, the columns without a prefix are the classes, by their names.
    """
    known = wrapped(frame)
    columns = {str(name): known[name] for name in known.columns}
    kind, scores, classes = _scores(list(columns), labels is not None, probabilities, source)
    if labels is None:
        if "label" not in columns:
            raise PredictionsError(
                f"{source}: found columns {', '.join(columns)}; expected one called label, or labels="
            )
        labels = series_array(columns["label"])
    y = plain(source, labels)
    values = np.column_stack([series_array(columns[name]) for name in scores])
    others = {n: series_array(s) for n, s in columns.items() if n not in {*scores, "label"}}
    weight = next((others.pop(name) for name in WEIGHTS if name in others), None)
    if y.dtype.kind in "US" and len(classes) == 1:
        beside = sorted(set(y.astype(str).tolist()) - set(classes))
        classes = (beside[0] if len(beside) == 1 else f"not {classes[0]}", classes[0])
    return predictions(
        y,
        **{kind: values if values.shape[1] > 1 else values[:, 0]},  # type: ignore[arg-type]
        classes=(classes if y.dtype.kind in "US" else None) or None,
        weights=weight,
        source=source,
        extra=others,
    )


def _scores(
    names: list[str], beside: bool, probabilities: bool, source: str
) -> tuple[str, list[str], tuple[str, ...]]:
    """Which argument the scores are, their columns, and the classes that the headings name."""
    for prefix, kind in PREFIXES:
        found = [name for name in names if name.startswith(prefix)]
        if found:
            return kind, found, tuple(name.removeprefix(prefix) for name in found)
    for name, kind in ONE_COLUMN.items():
        if name in names:
            return kind, [name], ()
    if beside:
        return "probabilities" if probabilities else "logits", names, tuple(names)
    raise PredictionsError(
        f"{source}: found columns {', '.join(names)}; expected label and logit_NAME or prob_NAME for each "
        "class. For a frame of features give the model first: confidence(model, X, y)."
    )
