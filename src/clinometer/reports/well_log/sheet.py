"""The sheet: one well, or two side by side on one scale, drawn into a matplotlib Figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clinometer.reports.well_log import header, legend, title
from clinometer.reports.well_log.curves import TRACKS, Curve, Track
from clinometer.reports.well_log.depth_track import HATCH_WIDTH, NARROW, draw_depth, lines_of
from clinometer.reports.well_log.frame import SHEET_MARGIN, Depths, axes_at, blank_at
from clinometer.reports.well_log.remarks import Remark, blamed, draw_remarks, remarks, shade
from clinometer.reports.well_log.thinning import drawing
from clinometer.reports.well_log.tracks import curves_of, draw_track, ends
from clinometer.reports.well_log.well import Well
from clinometer.reports.well_log.words import FONT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Widths [inches], in the order of the convention: the depth track stands after the first.
ALONE = {"saturation": 1.55, "depth": 3.2, "gradient": 2.4, "update ratio": 1.9, "factor pair": 2.3}
BESIDE = {
    "saturation": 1.15,
    "depth": 2.5,
    "gradient": 1.9,
    "update ratio": 1.4,
    "factor pair": 1.8,
}
FINDINGS = 1.3
BETWEEN = 0.3  # two wells
THINNEST = 0.05  # a band of one place among thousands is still as high as this


@dataclass(frozen=True)
class _Hole:
    """One well on the sheet, and what is drawn of it."""

    well: Well
    found: list[Remark]
    widths: dict[str, float]
    is_named: bool

    @property
    def wide(self) -> float:
        return sum(self.widths.values())


def sheet(wells: Sequence[Well]) -> Figure:
    """Draw one well or two; two must lie on one depth axis (see `Well.on`)."""
    import matplotlib as mpl

    with mpl.rc_context({"hatch.linewidth": HATCH_WIDTH, "font.family": FONT}):
        return _drawn([_hole(well, i, len(wells)) for i, well in enumerate(wells)])


def _hole(well: Well, number: int, of: int) -> _Hole:
    found = remarks(well)
    widths = dict(ALONE if of == 1 else BESIDE)
    if number:
        widths["depth"] = NARROW
    if found:
        widths["findings"] = FINDINGS
    return _Hole(well, found, widths, is_named=not number)


def _drawn(holes: Sequence[_Hole]) -> Figure:
    from matplotlib.figure import Figure

    wells = tuple(hole.well for hole in holes)
    depths = Depths(len(wells[0]))
    shown = {track.name: (track, curves_of(track, wells)) for track in TRACKS}
    head = max(header.tall(track, len(curves)) for track, curves in shown.values())
    wide = sum(hole.wide for hole in holes) + BETWEEN * (len(holes) - 1)
    kinds = [kind for well in wells for kind in well.kinds]
    leads = next((hole.found for hole in holes if hole.found), [])
    strip = legend.tall(wide, kinds, leads)
    block_tall = max(title.tall(hole.well, hole.wide) for hole in holes)
    top = SHEET_MARGIN + block_tall + 0.1
    full = top + head + depths.tall + 0.12 + strip + SHEET_MARGIN
    figure = Figure(figsize=(wide + 2 * SHEET_MARGIN, full), facecolor="white")
    left = SHEET_MARGIN
    for hole in holes:
        block = blank_at(figure, left, SHEET_MARGIN, hole.wide, block_tall)
        title.draw_title(block, hole.well)
        _draw_hole(figure, hole, shown, (left, top, head), depths)
        left += hole.wide + BETWEEN
    below = blank_at(figure, SHEET_MARGIN, full - SHEET_MARGIN - strip, wide, strip)
    legend.draw_legend(below, kinds, leads)
    return figure


def _draw_hole(
    figure: Figure,
    hole: _Hole,
    shown: dict[str, tuple[Track, tuple[Curve, ...]]],
    at: tuple[float, float, float],
    depths: Depths,
) -> None:
    left, top, head = at
    lines, drawn = lines_of(hole.well, depths), drawing(hole.well)
    for name, wide in hole.widths.items():
        above = blank_at(figure, left, top, wide, head)
        axes = axes_at(figure, left, top + head, wide, depths.tall)
        axes.set_ylim(*depths.limits)
        if name in shown:
            header.draw_header(above, *shown[name])
            draw_track(axes, *shown[name], (hole.well, drawn), lines)
        elif name == "depth":
            header.box(above, "DEPTH" if hole.is_named else "")
            header.draw_columns(above, is_named=hole.is_named)
            draw_depth(axes, hole.well, depths, wide, blamed(hole.well), names=hole.is_named)
        else:
            header.box(above, "FINDINGS")
            draw_remarks(axes, hole.found, depths, wide)
        shade(axes, hole.found, least=THINNEST / depths.row)
        ends(axes, depths.places)
        left += wide
