"""Two wells side by side on a terminal: before and after, the same layers at the same depth."""

from __future__ import annotations

import math

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.reports.layout import short, wrapped
from clinometer.reports.log_rows import LogRow, log_rows
from clinometer.reports.terminal_log import (
    BLOCKS,
    LEGEND,
    MOST_ROWS,
    NUMBER,
    Pen,
    called_in,
    number,
    track,
)
from clinometer.reports.well_log.matching import matched
from clinometer.reports.well_log.scale import GRADIENT

CELLS = 9  # of a gradient's track: about a decade each
SHARE = 5  # " 100%"
WELL = SHARE + 1 + CELLS + NUMBER + NUMBER + 1  # columns of one well


def treatment_log(
    before: Diagnosis, after: Diagnosis, width: int, pen: Pen = BLOCKS, treated: str = "treated"
) -> str:
    """The two wells, at most `width` columns wide (72 at least); "" where either has no layer.

    `treated` : the name over the second well.
    """
    one, other = log_rows(before, MOST_ROWS), log_rows(after, MOST_ROWS)
    if not one or not other:
        return ""
    name = width - 2 * WELL - 4
    heads = [
        f"{'':<{name + 2}}{'doing nothing':<{WELL + 1}}{short(treated, WELL)}",
        f"{'':<{name + 2}}"
        + f"{'satur.':<{SHARE + 2}}{'gradient RMS':<{CELLS + NUMBER - 1}}{'step/w':<{NUMBER + 1}}"
        * 2,
    ]
    lines = []
    for called, i, j in matched([row.name for row in one], [row.name for row in other]):
        wells = [_well(rows[k] if k >= 0 else None, pen) for rows, k in ((one, i), (other, j))]
        lead = "> " if i >= 0 and one[i].leads else "  "
        lines.append(f"{lead}{called_in(called, name - 1):<{name}}{wells[0]} {wells[1]}")
    title = "Log: input on top, loss at the bottom; > marks the blamed; numbers in decades"
    told = [*wrapped(title, width), "", *heads, *lines, *wrapped(LEGEND, width, "  ")]
    return "\n".join(line.rstrip() for line in told)


def _well(row: LogRow | None, pen: Pen) -> str:
    if row is None:
        return f"{'(not in it)':<{WELL}}"
    share = f"{row.saturated:>{SHARE}.0%}" if not math.isnan(row.saturated) else " " * SHARE
    drawn = track(row.gradient, GRADIENT, CELLS, pen, is_broken=row.is_broken)
    return f"{share}{pen.edge}{drawn}{number(row.gradient)}{number(row.update_ratio)} "
