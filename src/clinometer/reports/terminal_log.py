"""The well log in a terminal: a screenful of text, the blamed layer marked.

Per layer or block: how much of it is saturated, how large the gradient that reaches it is, how far a step
moves its weight. Drawn with blocks, or in ASCII where the output cannot show them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.reports.layout import short, wrapped
from clinometer.reports.log_rows import LogRow, log_rows
from clinometer.reports.well_log.scale import GRADIENT, UPDATE, Scale

MOST_ROWS = 14  # with title, header, scales and legend at most 20 lines
BAR = 8  # cells of the bar; with eighths of a cell a step is 1.6 %
WIDE, NARROW = (16, 14), (8, 7)  # cells of gradient and update ratio: half a decade each, or one
NUMBER = 6  # "-12.3" and the space before it
FULL_WIDTH = 72  # from here on the tracks are wide
CODE = 8  # "FLOW201" and the space before it
LEGEND = "A row of several layers shows the worst of them. <, > off the scale; 0 exactly zero; ! NaN or Inf."


@dataclass(frozen=True)
class Pen:
    """What a log is drawn with: the eighths of a bar, the mark of a curve, the line of a limit, the edge."""

    eighths: str
    mark: str
    limit: str
    edge: str


BLOCKS = Pen(" ▏▎▍▌▋▊▉█", "█", "┊", "│")
ASCII = Pen("    -####", "#", ":", "|")


def pen_for(encoding: str | None) -> Pen:
    """Blocks where the encoding has them.

    >>> pen_for("utf-8") is BLOCKS, pen_for("ascii") is ASCII, pen_for(None) is ASCII
    (True, True, True)
    """
    try:
        (BLOCKS.eighths + BLOCKS.limit + BLOCKS.edge).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def terminal_log(diagnosis: Diagnosis, width: int, pen: Pen = BLOCKS) -> str:
    """The log, at most `width` columns wide (60 at least) and 20 lines high; "" where there is none."""
    rows = log_rows(diagnosis, MOST_ROWS)
    if not rows:
        return ""
    cells = WIDE if width >= FULL_WIDTH else NARROW
    name = width - 2 - (BAR + 7) - sum(cells) - 4 - NUMBER - CODE
    blank, gap = " " * (name + 3), " " * (NUMBER + 2)
    named, scale = f"{'saturated':<{BAR + 7}}", f"{'0':<{BAR - 3}}100 %   "
    gradient = "gradient RMS" if cells is WIDE else "gradient"
    heads = [
        f"{blank}{named}{gradient:<{cells[0]}}{gap}step/weight",
        f"{blank}{scale}{_edges(GRADIENT, cells[0])}{gap}{_edges(UPDATE, cells[1])}",
    ]
    table = [_line(row, name, cells, pen) for row in rows]
    title = "Log: input on top, loss at the bottom; > marks the blamed"
    lines = [title, "", *heads, *table, *wrapped(LEGEND, width, "  ")]
    return "\n".join(line.rstrip() for line in lines)


def _edges(scale: Scale, cells: int) -> str:
    """The values at a track's edges, over it."""
    left, right = (f"{10.0**value:g}".replace("e-0", "e-") for value in (scale.left, scale.right))
    room = cells - len(left)
    return f"{left}{right if room > len(right) else '':>{room}}"


def _line(row: LogRow, name: int, cells: tuple[int, int], pen: Pen) -> str:
    lead = "> " if row.leads else "  "
    gradient = track(row.gradient, GRADIENT, cells[0], pen, is_broken=row.is_broken)
    update = track(row.update_ratio, UPDATE, cells[1], pen, limit=row.rounding_limit)
    called = called_in(row.name, name)
    return (
        f"{lead}{called:<{name}} {bar(row.saturated, pen)} {pen.edge}{gradient}"
        f"{number(row.gradient)} {pen.edge}{update}{pen.edge}{row.code:>{CODE}}"
    )


def called_in(name: str, width: int) -> str:
    """A layer's name, or the first of several and what the last one ends with, in so many columns.

    >>> called_in("net.0", 9), called_in("net.0 – net.142", 12), called_in("encoder.layers.3", 9)
    ('net.0', 'net.0..142', '~ayers.3')
    """
    first, several, last = printable(name).partition(" – ")
    end = f"..{last.rpartition('.')[2]}" if several else ""
    return (short(first, max(width - len(end), 4)) + end)[:width]


def number(decades: float) -> str:
    """Decades in a column; spaces where they were not measured.

    >>> number(-12.34), number(-math.inf), number(math.nan)
    (' -12.3', '  zero', '      ')
    """
    if math.isnan(decades):
        return " " * NUMBER
    return f"{'zero' if math.isinf(decades) else f'{decades + 0.0:.1f}':>{NUMBER}}"


def bar(share: float, pen: Pen) -> str:
    """A share as a bar and a number; spaces where it was not measured.

    >>> bar(0.5, ASCII), bar(0.82, ASCII), len(bar(math.nan, ASCII))
    ('####      50%', '######-   82%', 13)
    """
    if math.isnan(share):
        return " " * (BAR + 5)
    eighths = round(min(max(share, 0.0), 1.0) * BAR * 8)
    drawn = pen.eighths[8] * (eighths // 8) + pen.eighths[eighths % 8]
    return f"{drawn[:BAR]:<{BAR}} {share:>4.0%}"


def track(
    value: float,
    scale: Scale,
    cells: int,
    pen: Pen,
    *,
    limit: float = math.nan,
    is_broken: bool = False,
) -> str:
    """A reading [decades] as a mark on its scale.

    >>> track(-4.0, Scale(-8, 0), 8, ASCII), track(-math.inf, Scale(-8, 0), 8, ASCII)
    ('    #   ', '0       ')
    >>> track(-9.0, Scale(-8, 0), 8, ASCII), track(0.5, Scale(-8, 0), 8, ASCII, limit=-6)
    ('<       ', '  :    >')
    """
    drawn = [" "] * cells
    if (at := _cell(limit, scale, cells)) is not None and 0 <= at < cells:
        drawn[at] = pen.limit
    if is_broken:
        drawn[-1] = "!"
    if value == -math.inf:
        drawn[0] = "0"
    elif (at := _cell(value, scale, cells)) is not None:
        mark = "<" if at < 0 else ">" if at >= cells else pen.mark
        drawn[min(max(at, 0), cells - 1)] = mark
    return "".join(drawn)


def _cell(value: float, scale: Scale, cells: int) -> int | None:
    """Number of the cell that a value lies in; the right edge belongs to the last one."""
    if not math.isfinite(value):
        return None
    part = (value - scale.left) / (scale.right - scale.left)
    return cells - 1 if part == 1 else math.floor(part * cells)


def printable(name: str) -> str:
    r"""A name as a terminal can be trusted with: control characters are escaped.

    >>> printable("net.0"), printable("a\x1b[2J")
    ('net.0', 'a\\x1b[2J')
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
