"""Around a heat map: the loss above it, and below what its colours mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.records.recording import Float64
from clinometer.reports.well_log.heat_cells import SCALES
from clinometer.reports.well_log.history import CURVES
from clinometer.reports.well_log.well import Well
from clinometer.reports.well_log.words import NORMAL, height, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

BAR = 0.16  # height of the colour bar [inches]
HEAD_ROOM = 0.25  # above the loss, for its name
ZERO, NOT_FINITE, MISSING = "#000000", "#D81B60", "#FFFFFF"


def draw_loss(axes: Axes, well: Well, edges: Float64) -> None:
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


def draw_bar(figure: Figure, axes: Axes, mesh: QuadMesh, curve: str) -> None:
    """The colours of the scale, with the values of the curve."""
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


def draw_key(axes: Axes, curve: str) -> None:
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
