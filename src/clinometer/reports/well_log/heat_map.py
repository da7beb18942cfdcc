"""One curve over training: depth downwards, steps to the right, the loss above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.records.recording import Bool, Float64
from clinometer.reports.well_log import header, legend, title
from clinometer.reports.well_log.depth_track import HATCH_WIDTH, draw_depth
from clinometer.reports.well_log.frame import SHEET_MARGIN, Depths, axes_at, blank_at
from clinometer.reports.well_log.heat_cells import (
    any_cells,
    runs,
    scale_of,
    step_edges,
    worst_cells,
)
from clinometer.reports.well_log.heat_margins import (
    BAR,
    MISSING,
    NOT_FINITE,
    ZERO,
    draw_bar,
    draw_key,
    draw_loss,
)
from clinometer.reports.well_log.history import history
from clinometer.reports.well_log.remarks import blamed, remarks, shade
from clinometer.reports.well_log.sheet import ALONE, THINNEST
from clinometer.reports.well_log.thinning import starts_of
from clinometer.reports.well_log.tracks import ends
from clinometer.reports.well_log.well import Well
from clinometer.reports.well_log.words import FONT, NORMAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

MAP, LOSS = 8.0, 1.15  # width of the map, height of the loss [inches]
SIDE = 0.42  # to the right of it, for the values of the loss
FOOT = 0.95  # below the map: steps, colour bar, what the colours mean
MOST_ROWS, MOST_COLUMNS = 720, 640  # cells; more are not seen apart on the sheet
SPARED = 0.1  # of the colour map's dark end, so that its darkest is not the black of a zero


def heat_map(well: Well, curve: str) -> Figure:
    """Draw one curve of a well at every observation (see `history`)."""
    import matplotlib as mpl

    with mpl.rc_context({"hatch.linewidth": HATCH_WIDTH, "font.family": FONT}):
        return _drawn(well, curve)


def _drawn(well: Well, curve: str) -> Figure:
    from matplotlib.figure import Figure

    values, bad = history(well, curve)
    depths, named = Depths(len(well)), ALONE["depth"]
    wide = named + MAP
    block = title.tall(well, wide)
    top = SHEET_MARGIN + block + 0.1
    full = top + LOSS + depths.tall + FOOT + SHEET_MARGIN
    figure = Figure(figsize=(wide + SIDE + 2 * SHEET_MARGIN, full), facecolor="white")
    title.draw_title(blank_at(figure, SHEET_MARGIN, SHEET_MARGIN, wide, block), well)
    above = blank_at(figure, SHEET_MARGIN, top, named, LOSS)
    header.box(above, "DEPTH")
    header.draw_columns(above, is_named=True)
    left = SHEET_MARGIN + named
    depth = axes_at(figure, SHEET_MARGIN, top + LOSS, named, depths.tall)
    depth.set_ylim(*depths.limits)
    draw_depth(depth, well, depths, named, blamed(well))
    shade(depth, remarks(well), least=THINNEST / depths.row)
    ends(depth, depths.places)
    edges = step_edges(well.diagnosis.recording.observed)
    draw_loss(axes_at(figure, left, top, MAP, LOSS), well, edges)
    main = axes_at(figure, left, top + LOSS, MAP, depths.tall)
    main.set_ylim(*depths.limits)
    mesh = _map(main, (values, bad), edges, curve)
    ends(main, depths.places)
    low = top + LOSS + depths.tall
    rocks = blank_at(figure, SHEET_MARGIN, low + 0.1, named, FOOT - 0.1)
    legend.draw_legend(rocks, well.kinds, None)
    bar = axes_at(figure, left, low + 0.55, MAP * 0.55, BAR)
    draw_bar(figure, bar, mesh, curve)
    draw_key(blank_at(figure, left + MAP * 0.6, low + 0.4, MAP * 0.4, 0.5), curve)
    return figure


def _map(axes: Axes, of: tuple[Float64, Bool], edges: Float64, curve: str) -> QuadMesh:
    values, bad = of
    rows = starts_of(values.shape[0], MOST_ROWS)
    columns = starts_of(values.shape[1], MOST_COLUMNS)
    cells = worst_cells(values, rows, columns, greatest=curve == "saturated")
    scale = scale_of(curve, values)
    down, along = rows.astype(np.float64) - 0.5, edges[columns]
    axes.set_label("map")
    axes.set_facecolor(MISSING)
    mesh = axes.pcolormesh(
        along, down, np.ma.masked_invalid(cells), cmap=_colours(), vmin=scale.left, vmax=scale.right,
        rasterized=True,
    )  # fmt: skip
    if scale.is_log:
        _fill(axes, along, down, np.isneginf(cells), ZERO)
    _cross_out(axes, along, down, any_cells(bad, rows, columns))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_yticks([])
    axes.set_xlabel("optimizer step", fontsize=NORMAL)
    axes.tick_params(axis="x", labelsize=NORMAL)
    return mesh


def _colours() -> Colormap:
    """Dark to light in grey as well as in colour."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps["viridis"](np.linspace(SPARED, 1, 256)))


def _fill(axes: Axes, along: Float64, down: Float64, where: Bool, colour: str) -> None:
    """Cells in one colour."""
    from matplotlib.colors import ListedColormap

    if where.any():
        cells = np.ma.masked_where(~where, np.ones(where.shape))
        axes.pcolormesh(along, down, cells, cmap=ListedColormap([colour]), rasterized=True)


def _cross_out(axes: Axes, along: Float64, down: Float64, where: Bool) -> None:
    """Cells that held NaN or Inf: a hatch, as a colour alone is lost in black and white."""
    from matplotlib.collections import PolyCollection

    boxes = []
    for row, top, bottom in zip(where, down[:-1], down[1:], strict=True):
        starts, stops = runs(row)
        boxes += [
            [(a, top), (b, top), (b, bottom), (a, bottom)]
            for a, b in zip(along[starts], along[stops], strict=True)
        ]
    if boxes:
        crossed = PolyCollection(boxes, facecolor=NOT_FINITE, edgecolor="white", hatch="xxx")
        crossed.set_linewidth(0)
        axes.add_collection(crossed, autolim=False)
