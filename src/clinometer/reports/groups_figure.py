"""Claimed against earned confidence, group by group: a dumbbell each, the most overstated on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.calibration.confidence import Confidence
from clinometer.calibration.confidence_verdict import VERDICTS
from clinometer.calibration.groups import Group
from clinometer.reports.layout import short
from clinometer.reports.panels import BLACK, BLUE, GREY, SMALL, VERMILION, legend_below, panel

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MOST = 40  # groups that can be read on one page
NAME = 24  # characters of a group's name
LINE_INCH = 0.24
STYLES = {  # verdict: colour, marker of the record
    "unearned": (VERMILION, "s"),
    "unproven": (GREY, "^"),
    "earned": (BLUE, "o"),
}


def groups_figure(result: Confidence, ax: Axes | None = None) -> Axes | str:
    """What each group's rows say, and how often they are right with the interval; or why there is none."""
    if not result.groups:
        return "needs groups: name a column, or give groups="
    shown = result.groups[:MOST]
    ax = panel(ax, 7.6, 1.9 + LINE_INCH * len(shown))
    for at, group in enumerate(shown):
        _dumbbell(ax, at, group)
    _frame(ax, shown)
    ax.set_xlabel("confidence: claimed, and earned by the record [-]")
    title = "Claimed against earned confidence"
    many = len(result.groups)
    more = f": the {MOST} most overstated of {many:,} groups" if many > MOST else ""
    certainty = f"{1.0 - result.alpha:.0%}"
    joint = f"\nintervals at {certainty} for all {many:,} groups together" if many > 1 else ""
    ax.set_title(f"{title}{more}{joint}", loc="left", fontsize=9.5)
    return ax


def _dumbbell(ax: Axes, at: int, group: Group) -> None:
    record = group.record
    colour, mark = STYLES[VERDICTS[record.word]]
    claimed, right = 1.0 - record.claimed, 1.0 - record.counted
    low, high = 1.0 - record.interval[1], 1.0 - record.interval[0]
    ax.plot(
        [right, claimed],
        [at, at],
        color=colour,
        linewidth=3.2,
        alpha=0.45,
        solid_capstyle="butt",
        zorder=1,
    )
    ax.plot([low, high], [at, at], color=BLACK, linewidth=0.9, marker="|", markersize=5, zorder=2)
    ax.plot(
        claimed, at, "D", markerfacecolor="white", markeredgecolor="none", markersize=7, zorder=3
    )
    ax.plot(right, at, mark, color=colour, markeredgecolor=BLACK, markersize=6.5, zorder=4)
    ax.plot(claimed, at, "D", markerfacecolor="none", markeredgecolor=BLACK, markersize=8, zorder=5)


def _frame(ax: Axes, shown: tuple[Group, ...]) -> None:
    ax.set_yticks(range(len(shown)), [short(g.name, NAME) for g in shown], fontsize=SMALL)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_ylabel("group")
    ends = [1.0 - end for g in shown for end in (*g.record.interval, g.record.claimed)]
    room = 0.03 * max(max(ends) - min(ends), 0.05)
    ax.set_xlim(min(ends) - room, max(ends) + room)
    ax.grid(axis="x", color="#E5E5E5", linewidth=0.7)
    ax.set_axisbelow(True)
    twin = ax.secondary_yaxis("right")
    twin.set_yticks(range(len(shown)), [f"{g.n:,}" for g in shown], fontsize=SMALL)
    twin.tick_params(length=0)
    twin.set_ylabel("rows")
    _legend(ax, shown)


def _legend(ax: Axes, shown: tuple[Group, ...]) -> None:
    from matplotlib.lines import Line2D

    there = {VERDICTS[g.record.word] for g in shown}
    handles: list[Artist] = [
        Line2D(
            [],
            [],
            marker="D",
            linestyle="",
            markerfacecolor="white",
            markeredgecolor=BLACK,
            label="claimed",
        )
    ]
    handles += [
        Line2D([], [], marker=mark, linestyle="", color=colour, markeredgecolor=BLACK, label=f"right: {word}")
        for word, (colour, mark) in STYLES.items() if word in there
    ]  # fmt: skip
    legend_below(ax, handles, columns=4)
