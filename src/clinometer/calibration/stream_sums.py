"""The running sums of one part of a data set: what each worker does, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.calibration.arrow_columns import ArrowColumns
from clinometer.calibration.arrow_files import Part, batches_of
from clinometer.calibration.arrow_values import Numbers, groups_of, labels_of, scores_of, weights_of
from clinometer.calibration.probabilities import logits_of
from clinometer.errors import PredictionsError, ShapeError
from clinometer.stats.batch_sums import LARGEST
from clinometer.stats.gaps import Array
from clinometer.stats.temperature_sums import TemperatureSums

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

BATCH_BYTES = 2**22  # of float64 logits: a pass holds a few such blocks, whatever the file's size
MOST_GROUPS = 10_000  # their sums take 16 MB in each worker


@dataclass(frozen=True, slots=True)
class Plan:
    """How every part is summed; the same for all of them, so that their sums add.

    in_path : the group is in the path and not in the file; classes : K; by_class : K, or 0
    """

    columns: ArrowColumns
    classes: int
    centre: float
    nodes: int
    budget: float
    by_class: int
    group: str | None = None

    @property
    def batch_rows(self) -> int:
        return max(BATCH_BYTES // (8 * self.classes), 1)

    def empty(self) -> TemperatureSums:
        return TemperatureSums(self.nodes, self.centre, self.budget, self.by_class)


@dataclass
class Summed:
    """Sums by group name ("" where there are no groups), and what else was seen.

    rows : read, those of weight 0 too; saturated : probabilities of exactly 0 or 1; others : names beside
    that of a single named column; single : float32 scores
    """

    groups: dict[str, TemperatureSums] = field(default_factory=dict)
    rows: int = 0
    saturated: int = 0
    others: frozenset[str] = frozenset()
    single: bool = False

    def merge(self, other: Summed) -> None:
        """Add another part's."""
        for name, sums in other.groups.items():
            if name in self.groups:
                self.groups[name].merge(sums)
            else:
                self.groups[name] = sums
        too_many(self.groups)
        self.rows += other.rows
        self.saturated += other.saturated
        self.others |= other.others
        self.single |= other.single

    def whole(self, plan: Plan) -> TemperatureSums:
        """All groups together, in the order of their names."""
        total = plan.empty()
        for name in sorted(self.groups):
            total.merge(self.groups[name])
        return total


def too_many(groups: dict[str, Any]) -> None:
    """Refuse a column that is no group: one name for each row would fill the memory."""
    if len(groups) > MOST_GROUPS:
        raise PredictionsError(
            f"more than {MOST_GROUPS:,} groups (… {list(groups)[-1]!r}): a group column names what many rows "
            "share, such as a well or a site. Choose another column, or none."
        )


def part_sums(part: Part, plan: Plan) -> Summed:
    """One pass over a part."""
    total = Summed()
    for so_far in growing_sums(part, plan):
        total = so_far
    return total


def growing_sums(part: Part, plan: Plan) -> Iterator[Summed]:
    """The same after each batch: what an interrupted pass has to show."""
    total, row = Summed(), part.first_row
    for batch in batches_of(part, plan.columns.names, plan.batch_rows):
        if len(batch):
            try:
                _add(total, batch, part, plan, row)
            except ShapeError as error:
                raise PredictionsError(
                    f"{part.path}: rows {row} to {row + len(batch) - 1} (counted from 0): {error}"
                ) from None
        row += len(batch)
        total.rows += len(batch)
        yield total


def _add(total: Summed, batch: pa.RecordBatch, part: Part, plan: Plan, row: int) -> None:
    columns, source = plan.columns, part.path
    scores = scores_of(batch, columns, source=source, row=row)
    single = bool(scores.dtype == np.float32)
    total.single |= single
    if columns.kind == "probabilities":
        scores, lost = logits_of(
            scores.astype(np.float64), source=f"{source} (counted from row {row})", single=single
        )
        total.saturated += lost
    labels, others = labels_of(batch, columns, source=source, row=row)
    total.others |= others
    weights = weights_of(batch, columns, source=source, row=row)
    _check(scores, weights, source, row)
    for name, rows in _groups(batch, part, plan, row):
        if name not in total.groups:
            total.groups[name] = plan.empty()
            too_many(total.groups)
        total.groups[name].update(
            scores[rows], labels[rows], None if weights is None else weights[rows]
        )


def _groups(batch: pa.RecordBatch, part: Part, plan: Plan, row: int) -> Iterator[tuple[str, Any]]:
    """Name and rows of each group in a batch."""
    if plan.group is None:
        yield "", slice(None)
    elif plan.columns.group is None:
        yield dict(part.folders)[plan.group], slice(None)
    else:
        coded = groups_of(batch, plan.columns, source=part.path, row=row)
        codes = coded.indices.to_numpy(zero_copy_only=False)
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes))[:-1]
        yield from zip(coded.dictionary.to_pylist(), np.split(order, ends), strict=True)


def _check(scores: Numbers, weights: Array | None, source: str, row: int) -> None:
    """Refuse NaN and infinity at the first row that has one: no pass over a billion rows must end first."""
    largest = min(LARGEST, float(np.finfo(scores.dtype).max))
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(scores) <= largest)
    if not bad.any():
        return
    rows = np.asarray(bad.reshape(len(bad), -1).any(axis=1))
    if weights is not None:
        rows &= weights != 0.0
    if rows.any():
        raise PredictionsError(
            f"{source}: {int(rows.sum())} of the rows {row} to {row + len(rows) - 1} have scores that are "
            f"NaN, infinite or beyond {LARGEST:g}, the first is row {row + int(rows.argmax())} (counted "
            "from 0). "
            "Expected finite numbers: mend these rows, or drop them when the file is written."
        )
