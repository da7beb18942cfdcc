"""The rows as text in 100 columns, as Markdown, and as CSV."""

from __future__ import annotations

import csv
import itertools
import math
import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.overhead.contenders import CONTENDERS
from benchmarks.overhead.estimates import Estimate
from benchmarks.overhead.summary import Summary
from benchmarks.overhead.workloads import WORKLOADS
from benchmarks.startup import median_interval

HEAD = (
    "contender", "n", "median", "95 % interval", "mean", "process", "wall", "own", "MiB/1k",
    "+MiB", "end s",
)  # fmt: skip
WIDTHS = (22, 4, 7, 17, 7, 8, 7, 7, 7, 6, 6)
LEGEND = """\
Ratios to the bare run, per step. median: of n paired blocks, CPU time of the training thread, with
its order-statistic interval. mean: the same from the sums, for what works in a few steps only.
process: CPU time of all threads and child processes (sums). wall: median of the pairs. own: what
the recorder itself has booked, once it has settled. MiB/1k: growth on disk per 1,000 steps.
+MiB: peak resident memory over the bare run's, ours with the allocator as users have it. end s: to
detach, flush and close. ≈: computed from the row with every step, as a cycle would take too long."""


def cells(row: Summary) -> tuple[str, ...]:
    """One row's figures, or the reason why there are none, as words."""
    if row.median is None:
        return (row.title, "", row.state)
    mark = "≈" if row.state == "computed" else ""
    return (
        row.title,
        f"{row.pairs}",
        mark + ratio(row.median.value),
        interval(row.median),
        mark + ratio(row.mean.value if row.mean else None),
        mark + ratio(row.process.value if row.process else None),
        mark + ratio(row.wall.value if row.wall else None),
        ratio(row.own_books),
        number(row.mib_per_1000_steps, 2),
        number(row.extra_mib, 0),
        number(row.finish_s, 2),
    )


def ratio(value: float | None) -> str:
    """Four decimals where a percent matters, fewer where nobody would ask."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.4f}" if value < 2 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def interval(estimate: Estimate) -> str:
    return f"[{ratio(estimate.low)}, {ratio(estimate.high)}]"


def number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def heading(rows: list[Summary]) -> str:
    row = rows[0]
    return (
        f"{WORKLOADS[row.workload].title}: {row.bare_step_ms:.2f} ms a step bare, "
        f"{row.bare_peak_mib:.0f} MiB at most; the null resolves ±{100 * row.null:.2f} %"
    )


def by_workload(rows: list[Summary]) -> Iterator[list[Summary]]:
    for _, group in itertools.groupby(rows, lambda row: row.workload):
        yield list(group)


def text(rows: list[Summary]) -> str:
    lines = []
    for group in by_workload(rows):
        lines += ["", heading(group), _aligned(HEAD)]
        lines += [_aligned(cells(row)) for row in group]
    return "\n".join(lines)


def _aligned(parts: tuple[str, ...]) -> str:
    if len(parts) < len(WIDTHS):
        return f"{parts[0]:<{WIDTHS[0]}} {parts[-1]}"[:100]
    padded = zip(parts[1:], WIDTHS[1:], strict=True)
    return f"{parts[0]:<{WIDTHS[0]}}" + "".join(f"{p:>{w}}" for p, w in padded)


def markdown(rows: list[Summary]) -> str:
    lines = []
    for group in by_workload(rows):
        lines += ["", f"**{heading(group)}**", "", _piped(HEAD), "|---|" + "--:|" * (len(HEAD) - 1)]
        lines += [_piped((*cells(row), *[""] * (len(HEAD) - len(cells(row))))) for row in group]
    return "\n".join(lines)


def _piped(parts: tuple[str, ...]) -> str:
    return "| " + " | ".join(parts) + " |"


def openings_text(opening_s: dict[str, list[float]]) -> str:
    lines = ["", "import, attach and first step, fresh processes, seconds more than bare (paired)"]
    for name, differences in opening_s.items():
        ordered = sorted(differences)
        low, high = median_interval(ordered)
        lines.append(
            f"{CONTENDERS[name].title:<{WIDTHS[0]}}{len(ordered):>4}{statistics.median(ordered):7.3f}"
            f"  [{low:.3f}, {high:.3f}]"
        )
    return "\n".join(lines)


def write_csv(rows: list[Summary], path: Path) -> None:
    flat = [row.flat() for row in rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(flat[0]))
        writer.writeheader()
        writer.writerows(flat)
