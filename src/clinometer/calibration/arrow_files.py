"""Predictions files on disk, taken in batches of a few megabytes: how many rows, which columns, the batches.

Files are read through pyarrow's own file readers and not through its data-set scanner, whose read-ahead
keeps more of a large file than a stated bound: 243 MB against 27 MB on one of 199 MB, and half the speed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.errors import PredictionsError

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET, IPC = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
READ_AHEAD = 2**20  # bytes of a column that are read at a time
INSTALL = "pip install 'clinometer[arrow]'"


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of one file: what one worker reads.

    Attributes
    ----------
    rows, first_row : how many, and the number of the first within its file
    row_groups : of a Parquet file; None: the whole file
    folders : columns whose value is in the path, as `well=A/part-0.parquet` has it
    """

    path: str
    rows: int
    first_row: int = 0
    row_groups: tuple[int, ...] | None = None
    folders: tuple[tuple[str, str], ...] = ()


def is_arrow(path: Path) -> bool:
    """Whether a path is a file or a folder that can be streamed."""
    return path.is_dir() or path.suffix.lower() in PARQUET + IPC


def pieces_of(path: str | Path) -> list[Part]:
    """The files of a path in the order of their names, Parquet by row groups: the smallest parts.

    Raises
    ------
    PredictionsError : no such file, none in the folder, damaged files, pyarrow missing.
    """
    root = Path(path)
    found = [part for file in _files(root) for part in _counted(file, root)]
    if not sum(part.rows for part in found):
        raise PredictionsError(f"{root}: found 0 rows; expected one per example")
    return found


def gathered(pieces: list[Part], workers: int = 1) -> list[Part]:
    """Neighbouring row groups of one file together: whole files, or some eight parts for each worker."""
    files = len({piece.path for piece in pieces})
    most = math.inf if files >= workers else sum(piece.rows for piece in pieces) / (8 * workers)
    out: list[Part] = []
    for piece in pieces:
        last = out[-1] if out else None
        if last and last.path == piece.path and last.rows < most:
            groups = (last.row_groups or ()) + (piece.row_groups or ())
            out[-1] = replace(last, rows=last.rows + piece.rows, row_groups=groups)
        else:
            out.append(piece)
    return out


def schema_of(part: Part) -> pa.Schema:
    """Columns of a file with their types."""
    with _opened(part.path) as reader:
        return reader.schema_arrow if hasattr(reader, "schema_arrow") else reader.schema


def batches_of(part: Part, names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a part, so many at a time, these columns only."""
    with _opened(part.path, names) as reader:
        if hasattr(reader, "iter_batches"):
            options: dict[str, Any] = {"batch_size": rows, "columns": names, "use_threads": False}
            if part.row_groups is not None:
                options["row_groups"] = list(part.row_groups)
            yield from reader.iter_batches(**options)
            return
        for batch in _ipc_batches(reader):
            for start in range(0, len(batch), rows):
                yield batch.slice(start, rows)


def _files(root: Path) -> list[Path]:
    if not root.exists():
        raise PredictionsError(f"{root}: there is no such file or folder")
    if root.is_file():
        return [root]
    hidden = (".", "_")
    files = sorted(
        file
        for file in root.rglob("*")
        if file.suffix.lower() in PARQUET + IPC
        and not any(name.startswith(hidden) for name in file.relative_to(root).parts)
    )
    if not files:
        raise PredictionsError(f"{root}: found no {', '.join(PARQUET + IPC)} file in this folder")
    return files


def _counted(file: Path, root: Path) -> list[Part]:
    folders = file.relative_to(root).parts[:-1] if file != root else ()
    pairs = tuple(tuple(name.split("=", 1)) for name in folders if "=" in name)
    part = Part(str(file), 0, folders=pairs)  # type: ignore[arg-type]
    with _opened(part.path) as reader:
        if not hasattr(reader, "num_row_groups"):
            return [replace(part, rows=sum(map(len, _ipc_batches(reader))))]
        groups = [reader.metadata.row_group(k).num_rows for k in range(reader.num_row_groups)]
    return [
        replace(part, rows=n, first_row=sum(groups[:k]), row_groups=(k,))
        for k, n in enumerate(groups)
    ]


@contextlib.contextmanager
def _opened(path: str, names: list[str] | None = None) -> Iterator[Any]:
    """A Parquet file, or a reader of an Arrow file or stream; every failure names the file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise PredictionsError(
            f"{path}: Parquet and Arrow need pyarrow, which is not installed: {INSTALL}"
        ) from None
    try:
        if Path(path).suffix.lower() in PARQUET:
            with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_AHEAD) as file:
                yield file
        else:
            with pa.OSFile(path, "rb") as file:
                yield _ipc(file, names)
    except PermissionError:
        raise PredictionsError(f"{path} may not be read: its permissions forbid it") from None
    except MemoryError:
        raise PredictionsError(
            f"{path}: there is no memory for the next block. Where `ulimit -v` limits the address space, "
            "ARROW_DEFAULT_MEMORY_POOL=system keeps Arrow from reserving a gigabyte of it."
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise PredictionsError(
            f"{path} is truncated, damaged or of another format ({str(error).partition(chr(10))[0]}): "
            "write it again"
        ) from None


def _ipc(file: Any, names: list[str] | None) -> Any:
    import pyarrow as pa

    def opened(open_: Any, options: Any) -> Any:
        file.seek(0)
        return open_(file, options=options)

    try:
        open_, reader = pa.ipc.open_file, opened(pa.ipc.open_file, pa.ipc.IpcReadOptions())
    except pa.ArrowInvalid:
        open_, reader = pa.ipc.open_stream, opened(pa.ipc.open_stream, pa.ipc.IpcReadOptions())
    if names is None:
        return reader
    fields = sorted(reader.schema.get_field_index(name) for name in names)
    return opened(open_, pa.ipc.IpcReadOptions(included_fields=fields))


def _ipc_batches(reader: Any) -> Iterator[Any]:
    if hasattr(reader, "num_record_batches"):
        return (reader.get_batch(k) for k in range(reader.num_record_batches))
    return iter(reader)
