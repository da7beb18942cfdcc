"""One model's predictions judged in one pass, past the memory of one machine.

Parquet or Arrow files, or a folder of them, are read in blocks of a few megabytes; only sums are kept, and
the sums of files, processes and machines add.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from clinometer.calibration.arrow_columns import ArrowColumns
from clinometer.calibration.arrow_files import Part, gathered, pieces_of
from clinometer.calibration.stream_plan import plan_of
from clinometer.calibration.stream_sums import Plan, Summed, too_many
from clinometer.calibration.stream_workers import Backend, summed_parts
from clinometer.calibration.streamed_judgement import judge_sums
from clinometer.calibration.streamed_result import Streamed
from clinometer.errors import PredictionsError

MOST_PASSES = 4  # a first look that is wrong is put right by the second; two more are for odd files


def streamed(
    path: str | Path,
    *,
    group: str | None = None,
    weight: str | None = None,
    alpha: float = 0.05,
    margin: float = 0.01,
    backend: Backend = "local",
    workers: int = 1,
    nodes: int = 5,
    progress: bool | None = None,
) -> Streamed:
    """Judge predictions in Parquet or Arrow files, or a folder of them, in constant memory.

    Parameters
    ----------
    group, weight : columns; a group may also be in the path (`well=A/part-0.parquet`)
    backend, workers : "local" processes, "dask" or "ray" (the user's cluster where one is open), and how many
    nodes : 5 or 9 places of the temperature sums; see `TemperatureSums` for the error of each
    progress : a bar on stderr; None: where that is a terminal

    Notes
    -----
    The temperature is looked for around that of a first look at the beginning of some row groups. Where it
    lies beyond the nodes, the files are read again around another place, `MOST_PASSES` times at most.
    Interrupted with Ctrl-C, it returns what was judged so far and says of how many rows.

    Raises
    ------
    PredictionsError, ShapeError : damaged files, missing columns or values, with the file and the row.
    """
    pieces = pieces_of(path)
    plan, parts = plan_of(pieces, group, weight, nodes), gathered(pieces, workers)
    (total, complete), passes = _pass(parts, plan, backend, workers, progress), 1
    if not total.groups:
        raise KeyboardInterrupt
    while complete and passes < MOST_PASSES:
        elsewhere = total.whole(plan).compute().elsewhere
        if elsewhere is None:
            break
        moved = replace(plan, centre=elsewhere)
        again, complete = _pass(parts, moved, backend, workers, progress)
        if complete:  # interrupted, the pass before still speaks of every row
            total, plan, passes = again, moved, passes + 1
    _check(total, plan, str(path))
    rows_there = sum(part.rows for part in parts)
    return judge_sums(
        total.whole(plan),
        total.groups if plan.group else {},
        alpha=alpha,
        margin=margin,
        source=str(path),
        class_names=_names(plan.columns, total),
        logit_budget=plan.budget,
        files=len({part.path for part in parts}),
        passes=passes,
        rows_read=total.rows,
        rows_there=rows_there,
        notes=_notes(total, rows_there),
    )


def _pass(
    parts: list[Part], plan: Plan, backend: Backend, workers: int, progress: bool | None
) -> tuple[Summed, bool]:
    """Sums of all parts, or of those that were done before Ctrl-C."""
    total = Summed()
    with _bar(sum(part.rows for part in parts), progress) as seen:
        try:
            for summed in summed_parts(parts, plan, backend, workers, seen):
                total.merge(summed)
        except KeyboardInterrupt:
            return total, False
    return total, True


@contextlib.contextmanager
def _bar(rows: int, progress: bool | None) -> Iterator[Callable[[int], None]]:
    """What counts rows for a bar on stderr, gone when it is done."""
    if progress is False or (progress is None and not sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading predictions", total=rows)
        yield lambda n: bar.advance(task, n)


def _check(total: Summed, plan: Plan, source: str) -> None:
    if not total.whole(plan).weight:
        raise PredictionsError(
            f"{source}: all {total.rows:,} rows have weight 0: none can be judged"
        )
    if len(total.others) > 1:
        names = ", ".join(sorted(total.others)[:20])
        raise PredictionsError(
            f"{source}: one column, for class {(plan.columns.classes or ('?',))[0]}, but labels {names} "
            "beside it"
        )
    too_many(total.groups)


def _names(columns: ArrowColumns, total: Summed) -> tuple[str, ...] | None:
    if columns.classes is None or len(columns.classes) > 1:
        return columns.classes
    name = columns.classes[0]
    return (next(iter(total.others), f"not {name}"), name)


def _notes(total: Summed, rows_there: int) -> tuple[str, ...]:
    found = []
    if total.rows < rows_there:
        found.append(
            f"interrupted after {total.rows:,} of {rows_there:,} rows: the first ones, which need not be "
            "like the others"
        )
    if total.saturated:
        found.append(
            f"{total.saturated:,} probabilities exactly 0 or 1: those logits are lost, and the scale is "
            "only a lower bound"
        )
    return tuple(found)
