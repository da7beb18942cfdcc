"""One track: frame, grid, curves and shading. Across it everything is placed from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.reports.well_log.curves import ABOVE, BELOW, PAIR, SATURATION, Curve, Track
from clinometer.reports.well_log.lines import draw, shade_crossover, shade_from_left
from clinometer.reports.well_log.thinning import Drawing
from clinometer.reports.well_log.well import Well

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INNER = np.log10(np.arange(2, 10))  # inner lines of a decade
LIGHT, HEAVY = "#D4D4D4", "#9A9A9A"


def curves_of(track: Track, wells: tuple[Well, ...]) -> tuple[Curve, ...]:
    """The curves of a track that have something to show; a backup only where a curve needs it."""
    return tuple(curve for curve in track.curves if any(_wanted(curve, well) for well in wells))


def _wanted(curve: Curve, well: Well) -> bool:
    values = well.drawn[curve.key]
    if curve is BELOW:
        return bool(np.any(np.isfinite(values) & (values < curve.scale.right)))
    if curve is ABOVE:
        return bool(np.any(np.isfinite(values) & (values > curve.scale.left)))
    if curve.key == "other_gain":
        return bool(np.any(~np.isnan(values)))
    return not curve.backup


def draw_track(
    axes: Axes,
    track: Track,
    curves: tuple[Curve, ...],
    of: tuple[Well, Drawing],
    lines: list[float],
) -> None:
    """Grid and curves of one track; `lines` are the depths of the horizontal grid."""
    well, shown = of
    axes.set_xlim(0, 1)
    axes.set_label(track.name)
    frame(axes)
    _grid(axes, track, lines)
    if track is SATURATION:
        shade_from_left(axes, track.curves[0], shown)
    if track is PAIR:
        shade_crossover(axes, shown)
    for curve in curves:
        draw(axes, curve, well, shown)


def frame(axes: Axes) -> None:
    """Spines of a track; no ticks, as its header says the scales."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.8)
        spine.set_zorder(7)


def _grid(axes: Axes, track: Track, lines: list[float]) -> None:
    step = 1 / track.divisions
    for i in range(1, track.divisions):
        is_bold = i % track.bold == 0
        axes.axvline(
            i * step, color=HEAVY if is_bold else LIGHT, linewidth=0.9 if is_bold else 0.5, zorder=0
        )
    if track.inner:
        for i in range(track.divisions):
            for part in INNER:
                axes.axvline((i + part) * step, color=LIGHT, linewidth=0.35, zorder=0)
    axes.hlines(lines, 0, 1, color=LIGHT, linewidth=0.5, zorder=0)


def ends(axes: Axes, places: int) -> None:
    """The lines at the surface and at total depth."""
    for line in (-0.5, places - 0.5):
        axes.axhline(line, color="#000000", linewidth=0.9, zorder=6)
