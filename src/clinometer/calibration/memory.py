"""Whether predictions in Parquet or Arrow files fit in memory, or are better read in one pass."""

from __future__ import annotations

import re
from pathlib import Path

from clinometer.calibration.arrow_columns import arrow_columns
from clinometer.calibration.arrow_files import batches_of, is_arrow, pieces_of, schema_of

# Float64 numbers held at the peak of reading and judging, measured: n (4.3 K + 36) within a tenth, for
# 1e6 x 2 and 1e6 x 10 (one column a class, and lists) and 2e5 x 100.
EACH_LOGIT, EACH_ROW = 4.5, 40.0
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup/memory.max")  # a container's own limit


def is_too_large(path: str | Path, free: float | None = None) -> bool:
    """Whether judging all rows at once would take more than half of the memory that is free [byte].

    Raises
    ------
    PredictionsError : damaged files, or columns that are not predictions.
    """
    path = Path(path)
    if not path.exists() or not is_arrow(path):
        return False
    pieces = pieces_of(path)
    first = next(piece for piece in pieces if piece.rows)
    columns = arrow_columns(schema_of(first), source=str(path))
    width = len(columns.scores)
    if columns.listed:
        batch = next(iter(batches_of(first, list(columns.scores), 1)))
        width = len(batch.column(0)[0])
    rows = sum(piece.rows for piece in pieces)
    needed = 8.0 * rows * (EACH_LOGIT * max(width, 2) + EACH_ROW)
    return needed > 0.5 * (free_bytes() if free is None else free)


def free_bytes() -> float:
    """Memory that can be had without swapping [byte]; infinite where the system does not say."""
    found = re.search(r"MemAvailable:\s*(\d+) kB", _text(MEMINFO))
    free = 1024.0 * int(found[1]) if found else float("inf")
    limit = _text(CGROUP).strip()
    return min(free, float(limit)) if limit.isdigit() else free


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
