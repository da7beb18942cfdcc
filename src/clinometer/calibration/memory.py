"""Whether predictions fit into memory as rows, or are better streamed."""

from __future__ import annotations

import os
from pathlib import Path

from clinometer.calibration.arrow_files import is_arrow, pieces_of
from clinometer.calibration.stream_plan import classes_of

# Float64 numbers held at the peak of reading and judging n rows of K classes, measured: n (4.3 K + 36) within
# a tenth for 1e6 x 2, 1e6 x 10 and 2e5 x 100; some more for lists.
EACH_LOGIT, EACH_ROW = 5, 40
SHARE = 0.5  # of the memory that is free now; the rest is for others
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def should_stream(path: str | Path, free: int | None = None) -> bool:
    """Whether judging the rows in memory would take more than half of what is free [bytes].

    Folders are always streamed, `.npz` and `.csv` files never; the rows are counted, not read.
    """
    path = Path(path)
    if not is_arrow(path):
        return False
    if path.is_dir():
        return True
    pieces = pieces_of(path)
    each = 8 * (EACH_LOGIT * classes_of(pieces) + EACH_ROW)
    needed = each * sum(piece.rows for piece in pieces)
    return needed > SHARE * (free_bytes() if free is None else free)


def free_bytes() -> int:
    """Memory that this process may still take: of the machine, and of its container where there is one."""
    found = [_machine()]
    for limit, usage in CGROUPS:
        try:
            most, used = (Path(name).read_text(encoding="ascii").strip() for name in (limit, usage))
        except OSError:
            continue
        if most.isdigit():
            found.append(int(most) - int(used))
    return max(min(found), 0)


def _machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024 * int(row.split()[1]) for row in lines if row.startswith("MemAvailable"))
    except (OSError, StopIteration):  # not Linux: all of the memory, as nothing tells what is free
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
