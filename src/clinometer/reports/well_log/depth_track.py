"""The depth track: numbers, the lithology column, and names; of blocks, the worst child below each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.reports.layout import short
from clinometer.reports.well_log.frame import Depths
from clinometer.reports.well_log.grouping import Block, blocks, worst
from clinometer.reports.well_log.lithology import ROCKS
from clinometer.reports.well_log.tracks import frame
from clinometer.reports.well_log.well import Well
from clinometer.reports.well_log.words import SMALL, apart, fitting, height, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NUMBERS, ROCK, GAP = 0.36, 0.42, 0.07  # widths [inches]
NARROW = NUMBERS + ROCK  # of a track without names
HATCH_WIDTH = 0.55


def lines_of(well: Well, depths: Depths) -> list[float]:
    """Depths of the horizontal grid: tops of beds, or of blocks where there are many places."""
    if depths.are_named:
        return [i - 0.5 for i in range(1, len(well)) if well.bed[i] != well.bed[i - 1]]
    return [block.first - 0.5 for block in blocks(well.names)[1:]]


def draw_depth(
    axes: Axes,
    well: Well,
    depths: Depths,
    wide: float,
    blamed: Sequence[int],
    *,
    names: bool = True,
) -> None:
    """Numbers, rocks and names of a well; `wide` is the track's width [inches]."""
    axes.set_xlim(0, wide)
    axes.set_label("depth")
    frame(axes)
    parts = [Block(name, i, i) for i, name in enumerate(well.names)]
    if not depths.are_named:
        parts = blocks(well.names)
    _rocks(axes, well, parts)
    middles = [(part.first + part.last) / 2 for part in parts]
    lines = [2 if names and part.last > part.first else 1 for part in parts]
    tall = [height(n, depths.size) / depths.row for n in lines]
    placed = apart(middles, tall, -0.5, len(well) - 0.5)
    for part, middle, down in zip(parts, middles, placed, strict=True):
        _number(axes, part, depths)
        if names:
            _name(axes, well, part, (middle, down), (depths, wide, blamed))
    _ends(axes, well, depths, wide, names=names)


def _rocks(axes: Axes, well: Well, parts: Sequence[Block]) -> None:
    """A block of rock a place; for a block of places, side by side by how many there are of each."""
    from matplotlib.patches import Rectangle

    for part in parts:
        count = Counter(kind for kind in well.kinds[part.first : part.last + 1] if kind)
        left, tall = NUMBERS, part.last - part.first + 1
        for rock in ROCKS.values():
            wide = ROCK * count[rock.name] / max(count.total(), 1)
            if not wide:
                continue
            block = Rectangle(
                (left, part.first - 0.5), wide, tall, facecolor=rock.colour, hatch=rock.hatch,
                edgecolor="#333333", linewidth=0.5, zorder=3,
            )  # fmt: skip
            axes.add_patch(block)
            left += wide


def _number(axes: Axes, part: Block, depths: Depths) -> None:
    """The number of a place beside it, that of a block's first place at its top."""
    line = height(1, depths.size) / depths.row
    if not depths.are_named and part.last - part.first + 1 < line:
        return
    down = part.first if depths.are_named else part.first - 0.5 + line / 2
    write(
        axes, NUMBERS - 0.05, down, str(part.first), ha="right", va="center",
        fontsize=depths.size - 0.6, color="#333333", zorder=5,
    )  # fmt: skip


def _name(
    axes: Axes,
    well: Well,
    part: Block,
    at: tuple[float, float],
    on: tuple[Depths, float, Sequence[int]],
) -> None:
    """Name of a place or block; of a block the worst child as well."""
    depths, wide, blamed = on
    middle, down = at
    left = NARROW + GAP
    room = fitting(wide - left, depths.size)
    lead = set(blamed[:1])
    is_blamed = bool(lead & set(range(part.first, part.last + 1)))
    weight = "bold" if is_blamed else "normal"
    style: dict[str, Any] = {"ha": "left", "fontsize": depths.size, "zorder": 5, "clip_on": True}
    if abs(down - middle) > height(0.5, depths.size) / depths.row:
        axes.plot([NARROW, left], [middle, down], color="#777777", linewidth=0.5, zorder=4)
    child = worst(part, well.gain, blamed) if part.last > part.first else None
    if child is None:
        name = short(part.name, room)
        write(axes, left, down, name, va="center", weight=weight, **style)
        made_of = well.classes[part.first] if part.first == part.last else ""
        if len(name) + len(made_of) + 2 < room:
            style |= {"ha": "right", "color": "#777777"}
            write(axes, wide - 0.06, down, made_of, va="center", **style)
        return
    half = height(0.5, depths.size) / depths.row
    write(axes, left, down - half, short(part.name, room), va="center", weight=weight, **style)
    told = f" × {_gain(float(well.gain[child]))}"
    name = short(well.names[child], fitting(wide - left, SMALL) - len(told) - 2)
    write(
        axes, left, down + half, f"▸ {name}{told}", va="center", fontsize=SMALL, style="italic",
        color="#444444", zorder=5,
    )  # fmt: skip
    axes.plot(NUMBERS + ROCK, child, "<", color="#000000", markersize=3.2, clip_on=False, zorder=6)


def _gain(decades: float) -> str:
    return "?" if np.isnan(decades) else f"{10.0**decades:.2g}"


def _ends(axes: Axes, well: Well, depths: Depths, wide: float, *, names: bool) -> None:
    """The names of both ends: the surface above, the loss at total depth."""
    if not names:
        return
    bottom, top = depths.limits
    losses = [site.name for site in well.diagnosis.recording.of_kind("loss")]
    told = "TD  loss" + (f": {', '.join(losses)}" if losses else "")
    for middle, text in (
        ((top - 0.5) / 2, "surface: input"),
        ((bottom + len(well) - 0.5) / 2, told),
    ):
        write(
            axes, wide / 2, middle, short(text, fitting(wide - 0.1)), ha="center", va="center",
            weight="bold", zorder=6,
        )  # fmt: skip
