"""The panel of the best temperature under a run view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.calibration.run_view_result import RunView
from clinometer.reports.panels import BLACK, GREY, SMALL, VERMILION
from clinometer.stats.gaps import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 30  # epochs that can each have a mark
EDGES = {
    "zero": ("v", "T = 0: every row is right"),
    "infinite": ("^", "T infinite: no signal"),
    "inverted": ("^", "inverted"),
}


def values(view: RunView, part: str) -> Array:
    """One number an epoch, NaN where it is not judged: a gap in the line."""
    found = [getattr(epoch, part) for epoch in view.epochs]
    return np.array([np.nan if value is None else value for value in found])


def marker(x: Array) -> str | None:
    """A dot for each of a few epochs, a bare line for many."""
    return "o" if len(x) <= FEW else None


def temperature_panel(ax: Axes, view: RunView, x: Array) -> None:
    """The best temperature by epoch, log scale; where there is none, a mark at the edge that it left by."""
    t = values(view, "temperature")
    ax.plot(x, t, color=VERMILION, linewidth=1.6, marker=marker(x), markersize=3.5)
    ax.axhline(1.0, color=GREY, linewidth=1.0, linestyle=":")
    ax.set_yscale("log")
    ends = t[np.isfinite(t)]
    low, high = (min(ends.min(), 1.0), max(ends.max(), 1.0)) if len(ends) else (1.0, 1.0)
    low, high = low / 1.25, high * 1.25
    ax.set_ylim(low, high)
    for status, (mark, name) in EDGES.items():
        at = [k for k, epoch in enumerate(view.epochs) if epoch.status == status]
        if at:
            ax.plot(x[at], [low if mark == "v" else high] * len(at), mark, color=GREY, markeredgecolor=BLACK,
                    clip_on=False, label=name)  # fmt: skip
    broken = [k for k, epoch in enumerate(view.epochs) if epoch.status == "not finite"]
    if broken:
        ax.plot(
            x[broken],
            [1.0] * len(broken),
            "X",
            color=BLACK,
            markersize=8,
            label="logits not finite",
        )
    ax.set_ylabel("best T [-]\n(1: scale is right)", fontsize=SMALL)
    _plain_ticks(ax, low, high)


def _plain_ticks(ax: Axes, low: float, high: float) -> None:
    """Numbers as they are written, not powers of ten; few enough not to touch."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    steps = (1, 2, 5) if high / low > 6.0 else (1, 1.5, 2, 3, 5, 7)
    wide = high / low > 1e3
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [s * 10.0**p for p in powers for s in ((1,) if wide else steps)]
    ax.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
