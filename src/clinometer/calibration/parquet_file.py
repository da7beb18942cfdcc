"""Predictions from one Parquet, Arrow or Feather file, read whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clinometer.calibration.arrow_columns import ArrowColumns, arrow_columns
from clinometer.calibration.arrow_values import labels_of, scores_of, weights_of
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.errors import PredictionsError

if TYPE_CHECKING:
    import pyarrow as pa


def read_arrow(path: Path) -> Predictions:
    """Read the columns that `arrow_columns` finds; other flat columns are kept in `extra`."""
    return from_table(_table(path), source=str(path))


def from_table(table: pa.Table, *, source: str) -> Predictions:
    """Predictions in an Arrow table, whose columns mean what they mean in a file."""
    columns = arrow_columns(table.schema, source=source)
    if not len(table):
        raise PredictionsError(f"{source}: found 0 rows; expected one per example")
    scores, labels, weights, others = [], [], [], set[str]()
    row = 0
    for batch in table.select(columns.names).to_batches():
        scores.append(scores_of(batch, columns, source=source, row=row))
        numbers, beside = labels_of(batch, columns, source=source, row=row)
        labels.append(numbers)
        others |= beside
        weights.append(weights_of(batch, columns, source=source, row=row))
        row += len(batch)
    weight = None if weights[0] is None else np.concatenate([w for w in weights if w is not None])
    return predictions(
        np.concatenate(labels),
        **{columns.kind: np.concatenate(scores)},  # type: ignore[arg-type]
        classes=_classes(columns, others, source),
        weights=weight,
        source=source,
        extra=_extra(table, columns),
    )


def _table(path: Path) -> pa.Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise PredictionsError(
            f"{path}: Parquet and Arrow need pyarrow, which is not installed: "
            "pip install 'clinometer[arrow]', or convert the file to .npz or .csv"
        ) from None
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            with pq.ParquetFile(path) as file:
                return file.read()
        with pa.OSFile(str(path), "rb") as file:
            return _ipc(file)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        reason = str(error).splitlines()[0]
        raise PredictionsError(
            f"{path} is truncated, damaged or of another format ({reason}): write it again"
        ) from None


def _ipc(file: Any) -> pa.Table:
    """An Arrow file (Feather 2), or an Arrow stream of the same batches."""
    import pyarrow as pa

    try:
        return pa.ipc.open_file(file).read_all()
    except pa.ArrowInvalid:
        file.seek(0)
        return pa.ipc.open_stream(file).read_all()


def _classes(columns: ArrowColumns, others: set[str], source: str) -> tuple[str, ...] | None:
    """Names of the classes; a single named column is the class that its score speaks for."""
    if columns.classes is None or len(columns.classes) > 1:
        return columns.classes
    name = columns.classes[0]
    if len(others) > 1:
        raise PredictionsError(
            f"{source}: one column, for class {name}, but labels {', '.join(sorted(others))} beside it"
        )
    return (next(iter(others), f"not {name}"), name)


def _extra(table: pa.Table, columns: ArrowColumns) -> dict[str, NDArray[Any]]:
    names = [name for name in table.column_names if name not in columns.names]
    return {name: _flat(table.column(name)) for name in names if _is_flat(table.column(name).type)}


def _is_flat(kind: Any) -> bool:
    import pyarrow as pa

    return not pa.types.is_nested(kind)


def _flat(column: Any) -> NDArray[Any]:
    """Text by its dictionary, which a million rows share; a missing entry stays None."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if column.null_count or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        values: NDArray[Any] = np.asarray(column.cast(kind).to_numpy())
        return values
    coded = column.cast(kind).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):  # text beyond 2 GiB does not fit one chunk
        return np.asarray(column.cast(kind).to_pylist())
    names = np.asarray(coded.dictionary.to_pylist(), dtype=str)
    return np.asarray(names[coded.indices.to_numpy()])
