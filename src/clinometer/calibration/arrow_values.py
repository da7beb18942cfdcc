"""The values of one Arrow batch as NumPy arrays: scores, label numbers, weights and group names.

A missing value is an error that names its row: nothing is filled in and nothing is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.arrow_columns import ArrowColumns
from clinometer.errors import PredictionsError, ShapeError

if TYPE_CHECKING:
    import pyarrow as pa

Numbers = NDArray[np.floating[Any]]


def scores_of(
    batch: pa.RecordBatch, columns: ArrowColumns, *, source: str, row: int = 0
) -> Numbers:
    """Scores of a batch, shape (n, K), or (n,) for one column; float32 stays float32.

    `row` is the number of the batch's first row, for messages.
    """
    if columns.listed:
        return _listed(batch, columns.scores[0], source, row)
    parts = [_numbers(_column(batch, name, source, row)) for name in columns.scores]
    return parts[0] if len(parts) == 1 else np.column_stack(parts)


def labels_of(
    batch: pa.RecordBatch, columns: ArrowColumns, *, source: str, row: int = 0
) -> tuple[NDArray[np.int64], frozenset[str]]:
    """Labels as column numbers, shape (n,), and the names beside that of a single named column.

    Text and categories go by the names of the columns; whole floats count as whole numbers.
    """
    import pyarrow as pa

    column = _column(batch, columns.label, source, row)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if columns.classes is not None:
        return _by_name(column.cast(pa.string()), columns.classes, source, row)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        raise PredictionsError(
            f"{source}: labels are names ({column[0].as_py()!r}, …) but the columns have none. Name "
            "them (logit_NAME) or number the labels from 0."
        )
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind not in "iuf":
        raise PredictionsError(
            f"{source}: labels are {column.type}: expected whole numbers or names"
        )
    if values.dtype.kind == "f" and not (values == np.floor(values)).all():
        at = int(np.argmax(values != np.floor(values)))
        raise PredictionsError(
            f"{source}: the label {values[at]} in row {row + at} (counted from 0) is no whole number"
        )
    return values.astype(np.int64), frozenset()


def weights_of(
    batch: pa.RecordBatch, columns: ArrowColumns, *, source: str, row: int = 0
) -> NDArray[np.float64] | None:
    """Importance of each row, shape (n,), or None where all rows count alike."""
    if columns.weight is None:
        return None
    return _numbers(_column(batch, columns.weight, source, row)).astype(np.float64)


def groups_of(batch: pa.RecordBatch, columns: ArrowColumns, *, source: str, row: int = 0) -> Any:
    """Group of each row as an Arrow dictionary array of names; None where no group was asked for."""
    import pyarrow as pa

    if columns.group is None:
        return None
    column = _column(batch, columns.group, source, row)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string()).dictionary_encode()


def _column(batch: pa.RecordBatch, name: str, source: str, row: int) -> Any:
    column = batch.column(name)
    if column.null_count:
        at = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise PredictionsError(
            f"{source}: {column.null_count} values of {name} are missing, the first in row {row + at} "
            "(counted from 0). Fill these rows or drop them when the file is written."
        )
    return column


def _numbers(column: Any) -> Numbers:
    import pyarrow as pa

    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values if values.dtype == np.float32 else values.astype(np.float64, copy=False)


def _listed(batch: pa.RecordBatch, name: str, source: str, row: int) -> Numbers:
    import pyarrow.compute as pc

    column = _column(batch, name, source, row)
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    if len(lengths) and (lengths != lengths[0]).any():
        at = int(np.argmax(lengths != lengths[0]))
        raise ShapeError(
            f"{source}: {name} has {int(lengths[at])} numbers in row {row + at} (counted from 0) and "
            f"{int(lengths[0])} in row {row}: expected one per class in every row"
        )
    flat = column.flatten()
    if flat.null_count:
        raise PredictionsError(
            f"{source}: {flat.null_count} numbers in the lists of {name} are missing, in the rows from "
            f"{row} to {row + len(column) - 1} (counted from 0). Fill them or drop their rows."
        )
    return _numbers(flat).reshape(len(column), int(lengths[0]) if len(lengths) else 0)


def _by_name(
    column: Any, classes: tuple[str, ...], source: str, row: int
) -> tuple[NDArray[np.int64], frozenset[str]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.index_in(column, value_set=pa.array(classes, pa.string()))
    if len(classes) == 1:
        others = pc.unique(column.filter(place.is_null())).to_pylist()
        return place.is_valid().to_numpy(zero_copy_only=False).astype(np.int64), frozenset(others)
    if place.null_count:
        at = int(np.argmax(place.is_null().to_numpy(zero_copy_only=False)))
        shown = ", ".join(classes[:20]) + (", …" if len(classes) > 20 else "")
        raise PredictionsError(
            f"{source}: the label {column[at].as_py()!r} in row {row + at} (counted from 0) lies "
            f"outside the classes {shown}"
        )
    return place.to_numpy(zero_copy_only=False).astype(np.int64), frozenset()
