"""Curves in a track: lines with gaps, marks at zero, at what is not finite and at what is off scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.records.recording import Bool, Float64
from clinometer.reports.well_log.curves import PAIR, Curve
from clinometer.reports.well_log.grouping import MOST_PLACES
from clinometer.reports.well_log.scale import ABOVE, BELOW
from clinometer.reports.well_log.thinning import Drawing
from clinometer.reports.well_log.well import Well

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ZERO, NOT_FINITE, LOW, HIGH = "D", "x", "<", ">"
PALE_RED, PALE_BLUE, PALE_BROWN = "#F0B48C", "#A9CBE8", "#DCC7A6"
EDGE = 0.018  # of the track's width: marks lie inside it
PALE = 0.28  # opacity of a band around a line


def points(curve: Curve, values: Float64, edges: Float64) -> tuple[Float64, Float64]:
    """Where the line of a curve goes: (across the track, depth); nan breaks it.

    A curve in steps stands at each reading over the whole of its place. A joined one has one point at
    each, and is not joined across a place that was not measured.
    """
    across = curve.scale.place(values)
    across = np.where(np.isfinite(across), across, np.nan)
    if curve.joined:
        return across, (edges[1:] + edges[:-1]) / 2
    found, depth = stairs(across, edges)
    if curve.apart:
        broken = np.arange(2, len(found), 2)
        return np.insert(found, broken, np.nan), np.insert(depth, broken, depth[broken])
    return found, depth


def stairs(across: Float64, edges: Float64) -> tuple[Float64, Float64]:
    """Each value from the top of its place to the bottom."""
    return np.repeat(across, 2), np.column_stack([edges[:-1], edges[1:]]).reshape(-1)


def draw(axes: Axes, curve: Curve, well: Well, shown: Drawing) -> None:
    """One curve of a well, the band around it, and its marks."""
    across, depth = points(curve, shown.line[curve.key], shown.edges)
    if curve.key in shown.least:
        low, high = (
            points(curve, part[curve.key], shown.edges)[0] for part in (shown.least, shown.greatest)
        )
        axes.fill_betweenx(depth, low, high, color=curve.colour, alpha=PALE, linewidth=0, zorder=3)
    axes.plot(
        across, depth, color=curve.colour, linestyle=curve.line,
        linewidth=curve.width if len(well) <= MOST_PLACES else 0.7 * curve.width,
        solid_joinstyle="miter", zorder=7.5, clip_on=curve.scale.is_log,
    )  # fmt: skip
    if curve.joined:
        few = len(well) <= MOST_PLACES and not curve.backup
        dots = np.isfinite(across) if few else _alone(across)
        axes.plot(across[dots], depth[dots], ".", color=curve.colour, markersize=3.2, zorder=4)
    if not curve.backup:
        _marks(axes, curve, well)


def _alone(across: Float64) -> Bool:
    """Points whose neighbours on both sides are missing: no line would show them."""
    missing = np.concatenate([[True], np.isnan(across), [True]])
    return np.asarray(~missing[1:-1] & missing[:-2] & missing[2:])


def _marks(axes: Axes, curve: Curve, well: Well) -> None:
    values = well.read[curve.key]
    runs_back = curve.scale.right < curve.scale.left
    _mark(axes, np.isneginf(values), 1 - EDGE if runs_back else EDGE, ZERO, curve.colour)
    low, high = curve.scale.beyond(values)
    if curve.key == "gradient":  # its backup curves carry on until there
        low, high = BELOW.beyond(values)[0], ABOVE.beyond(values)[1]
    _mark(axes, low, EDGE, LOW, curve.colour, filled=False)
    _mark(axes, high, 1 - EDGE, HIGH, curve.colour, filled=False)
    if (bad := well.broken.get(curve.key)) is not None:
        side = 1 - EDGE if curve.key == "gradient" else 1 - 3.4 * EDGE
        _mark(axes, bad, side, NOT_FINITE, curve.colour)


def _mark(
    axes: Axes, where: Bool, across: float, shape: str, colour: str, *, filled: bool = True
) -> None:
    depth = np.flatnonzero(where)
    if not len(depth):
        return
    axes.plot(
        np.full(len(depth), across), depth, shape, color=colour, clip_on=False,
        markersize=4.6 if len(where) <= MOST_PLACES else 3.4,
        markerfacecolor=colour if filled else "white", markeredgewidth=1.0, zorder=8,
    )  # fmt: skip


def shade_from_left(axes: Axes, curve: Curve, shown: Drawing) -> None:
    """The share of saturated units, filled from the left edge."""
    across, depth = points(curve, shown.line[curve.key], shown.edges)
    axes.fill_betweenx(depth, 0, np.clip(across, 0, 1), color=PALE_BROWN, linewidth=0, zorder=1)


def shade_crossover(axes: Axes, shown: Drawing) -> None:
    """Between the factor pair: where less is handed on than comes in, and where more.

    The scales run opposite ways, so the curves meet where slope x weight gain = 1, and the distance
    between them is the gain of both, in decades. Without an activation nothing bends: the slope counts as
    1. Where the slope is exactly 0 and the weight's gain is therefore not known, that counts as 1.
    """
    slope, weight = (np.clip(c.scale.place(shown.line[c.key]), 0, 1) for c in PAIR.curves[:2])
    middle = float(PAIR.curves[0].scale.place(np.zeros(())))
    weight = np.where(np.isnan(weight) & np.isneginf(shown.line["slope"]), middle, weight)
    slope = np.where(np.isnan(slope) & ~np.isnan(weight), middle, slope)
    (left, depth), (right, _) = stairs(slope, shown.edges), stairs(weight, shown.edges)
    for where, colour, hatch in (
        (left < right, PALE_RED, "////"),
        (left > right, PALE_BLUE, "...."),
    ):
        axes.fill_betweenx(
            depth, left, right, where=where.tolist(), facecolor=colour, edgecolor="white",
            hatch=hatch, linewidth=0, zorder=2,
        )  # fmt: skip
