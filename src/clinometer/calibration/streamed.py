"""One model's predictions judged in one pass, past the memory of one machine.

Parquet or Arrow files, or a folder of them, are read in blocks of a few megabytes; only sums are kept, and
the sums of files, processes and machines add.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clinometer.calibration.arrow_columns import ArrowColumns, arrow_columns
from clinometer.calibration.arrow_files import Part, batches_of, gathered, pieces_of, schema_of
from clinometer.calibration.arrow_values import labels_of, scores_of
from clinometer.calibration.probabilities import logits_of
from clinometer.calibration.stream_sums import Plan, Summed, too_many
from clinometer.calibration.stream_workers import Backend, summed_parts
from clinometer.calibration.streamed_judgement import judge_sums
from clinometer.calibration.streamed_result import Streamed
from clinometer.errors import PredictionsError
from clinometer.stats.batch_sums import LARGEST
from clinometer.stats.binomial import logit_budget
from clinometer.stats.firth import firth_beta
from clinometer.stats.gaps import Array, logit_gaps
from clinometer.stats.temperature import fit_temperature

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_LOOK = 8, 2048  # row groups spread over all files, and rows of each: 5 % of beta and better
MOST_CLASSES = 1000  # whose frequencies are kept: 16 kB of sums
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
    plan, parts = _plan(pieces, group, weight, nodes), gathered(pieces, workers)
    total, passes, complete = Summed(), 0, True
    for passes in range(1, MOST_PASSES + 1):
        total, complete = _pass(parts, plan, backend, workers, progress)
        elsewhere = total.whole(plan).compute().elsewhere
        if not complete or elsewhere is None or passes == MOST_PASSES:
            break
        plan = replace(plan, centre=elsewhere)
    _check_names(total, plan, str(path))
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


def _plan(parts: list[Part], group: str | None, weight: str | None, nodes: int) -> Plan:
    """Columns, classes and the place to look at, from the schema and a first look."""
    in_path = group is not None and all(group in dict(part.folders) for part in parts)
    columns = arrow_columns(
        schema_of(parts[0]),
        source=parts[0].path,
        group=None if in_path else group,
        weight=weight,
    )
    classes, centre = _first_look(parts, columns)
    return Plan(
        columns=columns,
        classes=classes,
        centre=centre,
        nodes=nodes,
        budget=logit_budget(sum(part.rows for part in parts)),
        by_class=classes if group is None and classes <= MOST_CLASSES else 0,
        group=group,
    )


def _first_look(parts: list[Part], columns: ArrowColumns) -> tuple[int, float]:
    """Number of classes, and the best inverse temperature of the first rows of some parts."""
    count, rows = FIRST_LOOK
    filled = [part for part in parts if part.rows]
    chosen = filled[:: math.ceil(len(filled) / count)]
    gaps = [_first_gaps(part, columns, rows) for part in chosen]
    width = {seen.shape[1] for seen in gaps}
    if len(width) > 1:
        raise PredictionsError(
            f"{chosen[0].path} and the files beside it have {' and '.join(map(str, sorted(width)))} "
            "classes: expected the same in all"
        )
    seen = np.concatenate(gaps)
    fit = fit_temperature(seen) if len(seen) else None
    beta = None
    if fit is not None:
        beta = fit.beta if fit.status == "finite" else firth_beta(seen)
    usable = beta is not None and math.isfinite(beta) and beta > 0.0
    return width.pop(), float(beta) if usable and beta is not None else 1.0


def classes_of(pieces: list[Part]) -> int:
    """Number of classes, from the first row; one logit is two."""
    columns = arrow_columns(schema_of(pieces[0]), source=pieces[0].path)
    first = next(piece for piece in pieces if piece.rows)
    return max(scores_of(_first(first, columns, 1), columns, source=first.path)[:1].size, 2)


def _first(part: Part, columns: ArrowColumns, rows: int) -> pa.RecordBatch:
    """The first rows of a part."""
    import pyarrow as pa

    read, found = 0, []
    for batch in batches_of(part, columns.names, rows):
        found.append(batch.slice(0, rows - read))
        read += len(found[-1])
        if read == rows:
            break
    return pa.concat_batches(found)


def _first_gaps(part: Part, columns: ArrowColumns, rows: int) -> Array:
    batch = _first(part, columns, rows)
    scores = scores_of(batch, columns, source=part.path, row=part.first_row)
    labels, _ = labels_of(batch, columns, source=part.path, row=part.first_row)
    z = scores.astype(np.float64)
    if columns.kind == "probabilities":
        z, _ = logits_of(z, source=part.path, single=scores.dtype == np.float32)
    if z.ndim == 1 or z.shape[1] == 1:
        z = np.column_stack([np.zeros(len(z)), z.reshape(-1)])
    # What cannot be judged is refused by the pass itself, which names the row.
    good = (labels >= 0) & (labels < z.shape[1]) & (np.abs(z) <= LARGEST).all(axis=1)
    return logit_gaps(z[good], labels[good])


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
            if not total.groups:
                raise
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


def _check_names(total: Summed, plan: Plan, source: str) -> None:
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
