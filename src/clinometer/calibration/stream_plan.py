"""How every part of a data set is summed: its columns, its classes, and the temperature to look around."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from clinometer.calibration.arrow_columns import ArrowColumns, arrow_columns
from clinometer.calibration.arrow_files import Part, batches_of, schema_of
from clinometer.calibration.arrow_values import labels_of, scores_of
from clinometer.calibration.probabilities import logits_of
from clinometer.calibration.stream_sums import Plan
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


def plan_of(parts: list[Part], group: str | None, weight: str | None, nodes: int) -> Plan:
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
