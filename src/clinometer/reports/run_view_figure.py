"""The run view: loss and refinement by epoch with the scale shaded between them, and the temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.calibration.run_view_result import RunView
from clinometer.reports.layout import counted
from clinometer.reports.panels import (
    BLACK,
    BLUE,
    ORANGE,
    PALE,
    SMALL,
    below,
    blank,
    legend_below,
    panel,
    title,
)
from clinometer.reports.run_view_temperature import marker, temperature_panel, values
from clinometer.stats.gaps import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (8.0, 6.0)
DECADES = 30.0  # highest loss over lowest from which a falling run is drawn on a log scale
FRAME = 2.0  # times the last loss: what lies above is left out, so that the minimum can be seen
MOST_NAMES = 8  # names of epochs that fit on the axis; numbers are spread by matplotlib


def run_view_figure(view: RunView, ax: Axes | None = None) -> Axes:
    """Loss L, refinement R and the gap S in nat; the best temperature below; the sentence as title."""
    ax = panel(ax, *SIZE)
    title(ax, view.sentence)
    loss, kept = (values(view, part) for part in ("loss", "refinement"))
    if not np.isfinite(loss).any():
        blank(ax, "No epoch is judged: its logits are not finite, or there are no rows.")
        return ax
    lower = below(ax, 0.3)
    x = _places(view)
    floor = np.where(kept > 0.0, kept, np.finfo(np.float64).tiny)  # 0 has no place among decades
    ax.fill_between(x, floor, loss, color=PALE, label="scale S: one temperature removes it")
    ax.plot(x, loss, color=BLACK, linewidth=1.6, marker=marker(x), markersize=3.5, label="loss L")
    ax.plot(
        x,
        kept,
        color=BLUE,
        linewidth=1.8,
        linestyle="--",
        marker=marker(x),
        markersize=3.5,
        label=_kept_label(kept),
    )
    for at, heights, mark, colour, name in (
        (view.best_loss, loss, "s", ORANGE, "lowest L"),
        (view.best_refinement, kept, "D", BLUE, "lowest R"),
    ):
        if at is not None:
            ax.plot(x[at], heights[at], mark, color=colour, markeredgecolor=BLACK, markersize=8, zorder=4,
                    label=f"{name}: epoch {view.epochs[at].name}")  # fmt: skip
    _frame(ax, view, loss, kept)
    bottom = ax
    if lower is not None:
        temperature_panel(lower, view, x)
        bottom = lower
    _epochs(bottom, view, x)
    handles = ax.get_legend_handles_labels()[0]
    if lower is not None:
        handles += lower.get_legend_handles_labels()[0]
    legend_below(bottom, [*handles], columns=2)
    return ax


def _kept_label(kept: Array) -> str:
    return "refinement R: stays" + (" (0 from where all is right)" if (kept == 0.0).any() else "")


def _places(view: RunView) -> Array:
    """The names as numbers, where they are numbers that rise; otherwise 1, 2, 3 …"""
    try:
        x = np.array([float(epoch.name) for epoch in view.epochs])
    except ValueError:
        x = np.array([np.nan])
    rising = np.isfinite(x).all() and bool((np.diff(x) > 0.0).all())
    return x if rising else np.arange(1.0, len(view.epochs) + 1.0)


def _frame(ax: Axes, view: RunView, loss: Array, kept: Array) -> None:
    """Limits of the loss: a run that falls by decades is drawn in decades, any other near its minimum."""
    judged = loss[np.isfinite(loss)]
    if _by_decades(view, judged):
        ax.set_yscale("log")
        ax.set_ylim(float(judged[judged > 0.0].min()) / 2.0, float(judged.max()) * 2.0)
        ax.set_ylabel("loss [nat a row], log scale")
        return
    top = min(float(judged.max()), FRAME * max(float(judged[-1]), float(judged.min()))) or 1.0
    low = min(float(np.nanmin(kept)) if np.isfinite(kept).any() else top, float(judged.min()))
    room = 0.06 * (top - low) or 0.06 * top
    ax.set_ylim(max(low - room, -room), top + room)
    many = int((judged > top + room).sum())
    cut = f"\n({counted(many, 'epoch')} above the frame)" if many else ""
    ax.set_ylabel(f"loss [nat a row]{cut}")


def _by_decades(view: RunView, judged: Array) -> bool:
    falls = view.best_loss == len(view.epochs) - 1
    above = judged[judged > 0.0]
    return bool(falls and len(above) and above.max() > DECADES * above.min())


def _epochs(ax: Axes, view: RunView, x: Array) -> None:
    numbers = all(
        name == f"{place:g}" for name, place in zip((e.name for e in view.epochs), x, strict=True)
    )
    if not numbers and len(x) <= MOST_NAMES:
        ax.set_xticks(x, [epoch.name for epoch in view.epochs], fontsize=SMALL)
    ax.set_xlabel("epoch" if numbers or len(x) <= MOST_NAMES else "checkpoint, in the order given")
