"""The reliability diagram: how often it is right where it says so much, with the rows behind each point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.calibration.cautions import right, top_confidence
from clinometer.calibration.confidence import Confidence
from clinometer.calibration.confidence_words import sure
from clinometer.reports.panels import BLACK, BLUE, GREY, ORANGE, PALE, below, legend_below, panel
from clinometer.stats.reliability import Bins, reliability_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (6.4, 6.6)


def reliability_figure(result: Confidence, ax: Axes | None = None) -> Axes:
    """Record against claim in 15 bins of equal width; the counts of rows below, on the same axis.

    The band is each bin's Clopper-Pearson interval, rows taken as independent.
    """
    model = result.predictions
    bins = reliability_bins(
        top_confidence(model), right(model), weights=model.weights, alpha=result.alpha
    )
    ax = panel(ax, *SIZE)
    lower = below(ax, 0.27)
    left = _left(bins)
    _band(ax, bins, result.alpha)
    ax.plot(
        [0, 1],
        [0, 1],
        color=BLACK,
        linewidth=1.2,
        linestyle=(0, (5, 3)),
        label="as often as it says",
    )
    ax.plot(
        bins.mean_confidence[bins.count > 0], bins.accuracy[bins.count > 0],
        "o-", color=BLUE, markeredgecolor=BLACK, linewidth=1.4, markersize=6, label="right, in each bin",
    )  # fmt: skip
    _means(ax, result)
    ax.set(
        xlim=(left, 1.0 + 0.012 * (1.0 - left)),
        ylim=(-0.02, 1.02),
        ylabel="share that is right [-]",
    )
    ax.set_title("Reliability diagram", loc="left", fontsize=10.5)
    handles, _ = ax.get_legend_handles_labels()
    bottom = ax if lower is None else lower
    bottom.set_xlabel("claimed confidence: probability of the decision [-]")
    legend_below(bottom, [*handles], columns=2)
    if lower is not None:
        _counts(lower, bins)
    return ax


def _left(bins: Bins) -> float:
    """Where the axis begins: a bin before the first row, as no confidence is below 1 / K."""
    first = int(np.flatnonzero(bins.count)[0])
    return float(bins.edges[max(first - 1, 0)])


def _band(ax: Axes, bins: Bins, alpha: float) -> None:
    held = bins.count > 0
    ax.bar(
        bins.edges[:-1][held], (bins.high - bins.low)[held], np.diff(bins.edges)[held], bins.low[held],
        align="edge", color=PALE, edgecolor="white", linewidth=0.8,
        label=f"interval at {1.0 - alpha:.0%} of each bin",
    )  # fmt: skip


def _means(ax: Axes, result: Confidence) -> None:
    claimed, counted = result.whole.claimed, result.whole.counted
    ax.axvline(
        1.0 - claimed,
        color=ORANGE,
        linewidth=1.8,
        linestyle=":",
        label=f"mean claim {sure(claimed)}",
    )
    ax.axhline(
        1.0 - counted,
        color=GREY,
        linewidth=1.6,
        linestyle="-.",
        label=f"share right {sure(counted)}",
    )


def _counts(ax: Axes, bins: Bins) -> None:
    """Bars of rows, each with its number: a bar of one row beside one of thousands cannot be seen."""
    held = bins.count > 0
    middle, width = 0.5 * (bins.edges[1:] + bins.edges[:-1]), np.diff(bins.edges)
    ax.bar(middle, bins.count, 0.92 * width, color=GREY, edgecolor=BLACK, linewidth=0.6)
    for x, count in zip(middle[held], bins.count[held], strict=True):
        ax.annotate(
            _short(int(count)),
            (x, count),
            (0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    ax.set(ylim=(0.0, 1.25 * float(bins.count.max())), ylabel="rows in bin")
    from matplotlib.ticker import MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def _short(count: int) -> str:
    """A count in at most four characters: 987, 4.1k, 22k, 1.3M.

    >>> _short(987), _short(4120), _short(22012), _short(1_300_000)
    ('987', '4.1k', '22k', '1.3M')
    """
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if count >= unit:
            size = count / unit
            return f"{size:.1f}{name}" if size < 10 else f"{size:.0f}{name}"
    return str(count)
