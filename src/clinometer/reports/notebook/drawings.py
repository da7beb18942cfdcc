"""Small inline drawings: a curve of a few hundred points, and the log in a row a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from clinometer.records.recording import Float64
from clinometer.reports.log_rows import LogRow
from clinometer.reports.notebook.parts import safe
from clinometer.reports.terminal_log import called_in
from clinometer.reports.well_log.scale import GRADIENT, UPDATE, Scale

BLUE, AMBER, RED, BROWN = "#3b82c4", "#b98900", "#c8503c", "#a5713a"  # 3 to 1 on white and on black
COLUMNS = 240  # of a curve: least and greatest of each, so 480 points at most
ACROSS, DOWN, PAD = 480, 72, 4  # the curve's box
ROW, TOP, NAME, TRACK, CODE = 17, 20, 150, 130, 70  # the log's box
NUMBER = 44


def sparkline(values: Float64, label: str, level: float | None = None) -> str:
    """A curve, parted where it is not finite, over a dotted level; "" with fewer than two finite values."""
    finite = np.isfinite(values)
    if finite.sum() < 2:
        return ""
    known = values[finite]
    seen = [float(known.min()), float(known.max()), *([] if level is None else [level])]
    low, span = min(seen), (max(seen) - min(seen)) or 1.0

    def height(value: float) -> float:
        return PAD + (DOWN - 2 * PAD) * (1 - (value - low) / span)

    parts: list[str] = []
    joined = False
    edges = np.unique(np.linspace(0, len(values), min(len(values), COLUMNS) + 1).astype(int))
    for first, end in pairwise(edges):
        part = values[first:end]
        if not np.isfinite(part).all():
            joined = False
            part = part[np.isfinite(part)]
        across = first * ACROSS / max(len(values) - 1, 1)
        for value in dict.fromkeys((float(part.max()), float(part.min())) if len(part) else ()):
            parts.append(f"{'L' if joined else 'M'}{across:.1f} {height(value):.1f}")
            joined = True
    line = f'<path d="{"".join(parts)}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>'
    if level is not None:
        at = f'x1="0" x2="{ACROSS}" y1="{height(level):.1f}" y2="{height(level):.1f}"'
        line += f'<line {at} stroke="{RED}" stroke-dasharray="3 3"/>'
    return _svg(ACROSS, DOWN, label, line)


def log_drawing(rows: Sequence[LogRow], label: str) -> str:
    """The log: a row a layer or block, input on top; the blamed row shaded. "" without rows."""
    if not rows:
        return ""
    lefts = [NAME, NAME + TRACK + 12, NAME + 2 * TRACK + 24 + NUMBER]
    wide, tall = lefts[2] + TRACK + CODE, TOP + ROW * len(rows) + 4
    heads = ("saturated, 0 to 100 %", "gradient, 1e-8 to 1", "step/weight, 1e-8 to 0.1")
    drawn = [_text(left, 12, head, 0.75) for left, head in zip(lefts, heads, strict=True)]
    for i, row in enumerate(rows):
        drawn.append(_row(row, TOP + ROW * i, lefts, wide))
    frames = "".join(
        f'<rect x="{left}" y="{TOP}" width="{TRACK}" height="{ROW * len(rows)}" fill="none" '
        'stroke="currentColor" stroke-opacity=".4"/>'
        for left in lefts
    )
    return _svg(wide, tall, label, "".join(drawn) + frames)


def _row(row: LogRow, top: float, lefts: Sequence[float], wide: float) -> str:
    base = top + ROW - 5
    parts = []
    if row.leads:
        parts.append(
            f'<rect x="0" y="{top}" width="{wide}" height="{ROW}" fill="{AMBER}" fill-opacity=".3"/>'
        )
    parts.append(_text(0, base, called_in(row.name, 22)))
    if not math.isnan(row.saturated):
        width = TRACK * min(max(row.saturated, 0.0), 1.0)
        parts.append(_bar(lefts[0], top, width, BROWN, f"saturated {100 * row.saturated:.0f} %"))
    parts.append(_mark(row.gradient, GRADIENT, lefts[1], top, "gradient"))
    parts.append(_text(lefts[1] + TRACK + 4, base, _decades(row)))
    if 0 <= (limit := _place(row.rounding_limit, UPDATE)) <= 1:
        at = lefts[2] + limit * TRACK
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + ROW}" stroke="{RED}" '
            'stroke-dasharray="2 2"/>'
        )
    parts.append(_mark(row.update_ratio, UPDATE, lefts[2], top, "step/weight"))
    return "".join([*parts, _text(lefts[2] + TRACK + 6, base, row.code)])


def _decades(row: LogRow) -> str:
    told = "" if math.isnan(row.gradient) else f"{row.gradient + 0.0:.1f}"
    told = "zero" if row.gradient == -math.inf else told
    return f"{told} !" if row.is_broken else told


def _place(value: float, scale: Scale) -> float:
    return (value - scale.left) / (scale.right - scale.left) if math.isfinite(value) else -1.0


def _mark(value: float, scale: Scale, left: float, top: float, name: str) -> str:
    """A bar from the left edge to the value; off the scale an arrow, at exactly zero a mark at the edge."""
    if math.isnan(value):
        return ""
    if value == -math.inf:
        return _bar(left, top, 4, RED, f"{name} exactly zero")
    at = _place(value, scale)
    if at < 0:
        return _text(left + 2, top + ROW - 5, "◂")
    return _bar(left, top, TRACK * min(at, 1.0), BLUE, f"{name} {value:.2f} decades")


def _bar(left: float, top: float, width: float, colour: str, title: str) -> str:
    place = f'x="{left:.1f}" y="{top + 4:.1f}" width="{width:.1f}" height="{ROW - 8}"'
    return f'<rect {place} fill="{colour}"><title>{safe(title)}</title></rect>'


def _text(across: float, down: float, text: str, opacity: float = 1.0) -> str:
    shade = "" if opacity == 1.0 else f' fill-opacity="{opacity}"'
    return f'<text x="{across:.0f}" y="{down:.0f}"{shade}>{safe(text)}</text>' if text else ""


def _svg(wide: float, tall: float, label: str, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}" role="img" '
        f'aria-label="{safe(label)}" font-size="11" fill="currentColor">{inside}</svg>'
    )
