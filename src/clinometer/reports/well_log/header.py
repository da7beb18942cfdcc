"""Headers of tracks: a line for each curve, in its own style, between the values at its two edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clinometer.reports.well_log.curves import PAIR, SATURATION, Curve, Track
from clinometer.reports.well_log.lines import PALE_BLUE, PALE_BROWN, PALE_RED
from clinometer.reports.well_log.words import LARGE, NORMAL, SMALL, height, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENTRY = height(2.35)  # [inches]
HEAD = height(1.6, LARGE)
INDENT = 0.03  # of the width, so that the numbers of two tracks do not run together


def tall(track: Track, many: int) -> float:
    """Height that the header of a track with so many curves needs [inches]."""
    shaded = height(1.35) if track in {SATURATION, PAIR} else 0.0
    return HEAD + shaded + many * ENTRY + 0.1


def draw_header(axes: Axes, track: Track, curves: Sequence[Curve]) -> None:
    """The header of a track; curves stand at its bottom, its name on top."""
    wide, full = axes.get_xlim()[1], axes.get_ylim()[0]
    box(axes, track.name.upper())
    for i, curve in enumerate(reversed(curves)):
        _entry(axes, curve, wide, full - 0.04 - i * ENTRY)
    if track is SATURATION:
        _swatches(axes, wide, [(PALE_BROWN, "", "shaded: flat units")])
    if track is PAIR:
        _swatches(axes, wide, [(PALE_RED, "////", "attenuates"), (PALE_BLUE, "....", "amplifies")])


def box(axes: Axes, title: str) -> None:
    """Frame and name of a header."""
    from matplotlib.patches import Rectangle

    wide, full = axes.get_xlim()[1], axes.get_ylim()[0]
    frame = Rectangle((0, 0), wide, full, fill=False, edgecolor="#000000", linewidth=0.8)
    frame.set_clip_on(False)
    axes.add_patch(frame)
    write(
        axes, wide / 2, height(0.85, LARGE), title, ha="center", va="center",
        fontsize=NORMAL, weight="bold",
    )  # fmt: skip


def _entry(axes: Axes, curve: Curve, wide: float, bottom: float) -> None:
    """Name and unit in the middle, below them the line between its edges' values."""
    down = bottom - height(0.5)
    unit = f" ({curve.unit})" if curve.unit != "-" else ""
    write(
        axes, wide / 2, bottom - height(1.5), curve.label + unit, ha="center", va="center",
        color=curve.colour,
    )  # fmt: skip
    ends = []
    for text, side in zip(curve.scale.edges, ("left", "right"), strict=True):
        at = INDENT * wide if side == "left" else (1 - INDENT) * wide
        write(axes, at, down, text, ha=side, va="center", fontsize=SMALL + 0.3, color=curve.colour)
        room = len(text) * SMALL * 0.62 / 72 + 0.06
        ends.append(at + room if side == "left" else at - room)
    axes.plot(ends, [down, down], color=curve.colour, linestyle=curve.line, linewidth=curve.width)


def _swatches(axes: Axes, wide: float, shown: Sequence[tuple[str, str, str]]) -> None:
    """What the shading of a track means, between its name and its curves."""
    from matplotlib.patches import Rectangle

    part = wide / len(shown)
    down = HEAD + height(0.35)
    for i, (colour, hatch, text) in enumerate(shown):
        left = i * part + INDENT * wide
        axes.add_patch(
            Rectangle((left, down), 0.2, height(0.85), facecolor=colour, hatch=hatch,
                      edgecolor="white", linewidth=0)
        )  # fmt: skip
        write(axes, left + 0.25, down + height(0.45), text, va="center", fontsize=SMALL)


def draw_columns(axes: Axes, *, is_named: bool) -> None:
    """The heads of the depth track's columns."""
    from clinometer.reports.well_log.depth_track import GAP, NARROW, NUMBERS, ROCK

    bottom = axes.get_ylim()[0] - 0.06
    style = {"fontsize": SMALL, "va": "bottom"}
    write(axes, NUMBERS / 2, bottom, "place", ha="center", rotation=90, **style)
    write(axes, NUMBERS + ROCK / 2, bottom, "kind of layer", ha="center", rotation=90, **style)
    if is_named:
        write(axes, NARROW + GAP, bottom, "layer, as executed", **style)
