"""One curve over training: depth downwards, steps to the right, the loss above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.records.recording import Bool, Float64
from clinometer.reports.well_log import header, legend, title
from clinometer.reports.well_log.depth_track import HATCH_WIDTH, draw_depth
from clinometer.reports.well_log.frame import SHEET_MARGIN, Depths, axes_at, blank_at
from clinometer.reports.well_log.heat_cells import (
    SCALES,
    any_cells,
    runs,
    scale_of,
    step_edges,
    worst_cells,
)
from clinometer.reports.well_log.history import CURVES, history
from clinometer.reports.well_log.remarks import blamed, remarks, shade
from clinometer.reports.well_log.sheet import ALONE, THINNEST
from clinometer.reports.well_log.thinning import starts_of
from clinometer.reports.well_log.tracks import ends
from clinometer.reports.well_log.well import Well
from clinometer.reports.well_log.words import FONT, NORMAL, height, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

MAP, LOSS, BAR = 8.0, 1.15, 0.16  # widths of map and colour bar, height of the loss [inches]
SIDE = 0.42  # to the right of it, for the values of the loss
FOOT = 0.95  # below the map: steps, colour bar, what the colours mean
MOST_ROWS, MOST_COLUMNS = 720, 640  # cells; more are not seen apart on the sheet
ZERO, NOT_FINITE, MISSING = "#000000", "#D81B60", "#FFFFFF"
HEAD_ROOM = 0.25  # above the loss, for its name
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
    _loss(axes_at(figure, left, top, MAP, LOSS), well, edges)
    main = axes_at(figure, left, top + LOSS, MAP, depths.tall)
    main.set_ylim(*depths.limits)
    mesh = _map(main, (values, bad), edges, curve)
    ends(main, depths.places)
    low = top + LOSS + depths.tall
    rocks = blank_at(figure, SHEET_MARGIN, low + 0.1, named, FOOT - 0.1)
    legend.draw_legend(rocks, well.kinds, None)
    bar = axes_at(figure, left, low + 0.55, MAP * 0.55, BAR)
    _bar(figure, bar, mesh, curve)
    _key(blank_at(figure, left + MAP * 0.6, low + 0.4, MAP * 0.4, 0.5), curve)
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


def _loss(axes: Axes, well: Well, edges: Float64) -> None:
    """The loss of every recorded step, and the no-information level dotted."""
    recording, level = well.diagnosis.recording, well.diagnosis.course.no_information
    seen = recording.loss_seen
    loss = np.where(np.isfinite(recording.loss), recording.loss, np.nan)[seen]
    axes.set_label("loss")
    axes.plot(recording.step[seen], loss, color="#000000", linewidth=0.8)
    if level is not None:
        axes.axhline(level, color="#B24700", linestyle=(0, (1, 1.4)), linewidth=1.2)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xticks([])
    axes.margins(y=0.1)
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + HEAD_ROOM * (top - bottom))
    axes.yaxis.tick_right()
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(axis="y", labelsize=NORMAL)
    told = "loss" if level is None else "loss; dotted: no-information level"
    write(axes, 0.008, 0.95, told, transform=axes.transAxes, va="top")


def _bar(figure: Figure, axes: Axes, mesh: QuadMesh, curve: str) -> None:
    low, high = mesh.get_clim()
    scale = SCALES[curve]
    steps = 5 if not scale.is_log else int(high - low) + 1
    ticks = np.linspace(low, high, steps)
    figure.colorbar(mesh, cax=axes, orientation="horizontal", ticks=ticks.tolist())
    axes.set_label("scale")
    every = 1 if steps <= 9 else 2
    texts = [scale.written(t) if i % every == 0 else "" for i, t in enumerate(ticks.tolist())]
    axes.set_xticklabels(texts, fontsize=NORMAL)
    axes.set_title(CURVES[curve], fontsize=NORMAL, loc="left", pad=3)


def _key(axes: Axes, curve: str) -> None:
    """What the colours beside the scale mean."""
    from matplotlib.patches import Rectangle

    shown = [(ZERO, "exactly zero")] if SCALES[curve].is_log else []
    shown += [(NOT_FINITE, "NaN or Inf")] if curve in {"gradient", "activation"} else []
    left = 0.0
    for colour, text in [*shown, (MISSING, "not measured")]:
        broke = colour == NOT_FINITE
        patch = Rectangle(
            (left, 0.17), 0.22, BAR, facecolor=colour, linewidth=0.6, hatch="xxx" if broke else "",
            edgecolor="white" if broke else "#000000",
        )  # fmt: skip
        axes.add_patch(patch)
        write(axes, left + 0.28, 0.17 + height(0.6), text, va="center")
        left += 0.42 + len(text) * NORMAL * 0.55 / 72
