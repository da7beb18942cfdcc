"""A well log in a few rows: one row a bed (a weight and what follows it), or a block of beds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.records.recording import Float64
from clinometer.reports.well_log.grouping import Block, blocks
from clinometer.reports.well_log.remarks import Remark, remarks
from clinometer.reports.well_log.well import Well, well_of


@dataclass(frozen=True)
class LogRow:
    """One row: each reading is the worst of its beds; nan was not measured, -inf is exactly zero.

    Attributes
    ----------
    name : of the bed's first place, or of the block
    layers : how many beds it stands for
    saturated : share of unit x example [-]
    gradient : RMS of the gradient at the output of the bed's first place [decades]
    update_ratio : step over weight [decades]; rounding_limit : below it a step is lost [decades]
    is_broken : whether NaN or Inf was seen in its gradient
    code : of the finding that blames a place in it, "" for none; leads : whether that is the first one
    """

    name: str
    layers: int
    saturated: float
    gradient: float
    update_ratio: float
    rounding_limit: float
    is_broken: bool
    code: str
    leads: bool


def log_rows(diagnosis: Diagnosis, most: int) -> list[LogRow]:
    """At most `most` rows, input first; none where no layer was observed."""
    if not len(diagnosis.recording.observed) or not diagnosis.recording.of_kind("call"):
        return []
    well = well_of(diagnosis)
    beds = [np.flatnonzero(well.bed == bed) for bed in range(int(well.bed[-1]) + 1)]
    names = [well.names[bed[0]] for bed in beds]
    one_each = [Block(name, i, i) for i, name in enumerate(names)]
    groups = one_each if len(beds) <= most else blocks(names, most)
    found = remarks(well)
    return [_row(well, block, beds[block.first : block.last + 1], found) for block in groups]


def _row(well: Well, block: Block, beds: Sequence[np.ndarray], found: Sequence[Remark]) -> LogRow:
    places = np.concatenate(beds)
    tops = np.array([bed[0] for bed in beds])
    mine = set(places.tolist())
    blaming = [r for r in found if mine.intersection(well.places(r.finding.layer))]
    return LogRow(
        name=block.name,
        layers=len(beds),
        saturated=-_least(-well.read["saturated"][places]),
        gradient=_least(well.read["gradient"][tops]),
        update_ratio=_least(well.read["update_ratio"][places]),
        rounding_limit=-_least(-well.read["rounding_limit"][places]),
        is_broken=bool(well.broken["gradient"][places].any()),
        code=blaming[0].finding.code if blaming else "",
        leads=bool(blaming) and blaming[0] is found[0],
    )


def _least(values: Float64) -> float:
    known = values[~np.isnan(values)]
    return float(known.min()) if len(known) else math.nan
