"""One picture: every contender's overhead on every workload, beside the null and the goals."""

from __future__ import annotations

from pathlib import Path

from benchmarks.overhead.contenders import CONTENDERS
from benchmarks.overhead.estimates import Estimate
from benchmarks.overhead.goals import IDLE, LONG_RUN, ONE_OBSERVATION
from benchmarks.overhead.summary import Summary
from benchmarks.overhead.table import by_workload
from benchmarks.overhead.workloads import WORKLOADS

OURS, THEIRS, GOAL, NULL = "#0b5394", "#8a5a00", "#b00020", "#d9d9d9"
LINEAR_PERCENT = 1.0  # below this the axis is linear, above it logarithmic
TICKS = [-10, -1, 0, 1, 10, 100, 1000, 10000]


def draw(rows: list[Summary], caption: str, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    groups = list(by_workload(rows))
    names = [name for name in CONTENDERS if any(row.contender == name for row in rows)]
    figure, axes = plt.subplots(
        1, len(groups), figsize=(2.2 + 2.5 * len(groups), 1.9 + 0.34 * len(names)),
        sharey=True, squeeze=False, layout="constrained",
    )  # fmt: skip
    for axis, group in zip(axes[0], groups, strict=True):
        _panel(axis, group, names)
    axes[0][0].set_yticks(range(len(names)), [CONTENDERS[name].title for name in names])
    _colour_labels(axes[0][0], names)
    figure.suptitle(
        "What watching a training run costs: extra CPU time of the training thread\n"
        f"% of a bare step, linear below 1 %, logarithmic above\n{caption}",
        fontsize=9,
    )
    _legend(figure)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(axis, group: list[Summary], names: list[str]) -> None:
    null = 100 * group[0].null
    axis.axvspan(-null, null, color=NULL, lw=0)
    axis.axvline(0, color="black", lw=0.8)
    for row in group:
        _row(axis, names.index(row.contender), row)
    axis.set_xscale("symlog", linthresh=LINEAR_PERCENT, linscale=0.6)
    shown_percent = [100 * (_shown(row).value - 1) for row in group if row.median]
    largest, smallest = max([*shown_percent, 20]), min([*shown_percent, -1])
    axis.set_xlim(1.6 * smallest, 2.5 * largest)
    shown = [tick for tick in TICKS if 1.6 * smallest < tick < 2.5 * largest]
    axis.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axis.minorticks_off()
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(axis="x", color="#eeeeee", lw=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    title = WORKLOADS[group[0].workload].title.partition(", ")
    axis.set_title(f"{title[0]}\n{title[2]} · {group[0].bare_step_ms:.3g} ms a step", fontsize=8.5)


def _row(axis, y: int, row: Summary) -> None:
    if row.median is None:
        reason = "failed" if row.state.startswith("failed") else "not run"
        axis.annotate(reason, (0.2, y), va="center", fontsize=7, color="#777777")
        return
    shown: Estimate = _shown(row)
    value, low, high = (100 * (x - 1) for x in (shown.value, shown.low, shown.high))
    colour = OURS if CONTENDERS[row.contender].ours else THEIRS
    if CONTENDERS[row.contender].null:
        colour = "#555555"
    hollow = row.state == "computed"
    axis.plot([low, high], [y, y], color=colour, lw=1.6, solid_capstyle="round")
    axis.plot(value, y, "o", ms=5, color=colour, mfc="white" if hollow else colour)
    if row.own_books is not None:
        axis.plot(100 * (row.own_books - 1), y, "D", ms=5, mfc="none", mec=colour, mew=1)
    goal = _goal(row)
    if goal is not None:
        axis.plot([100 * (goal - 1)] * 2, [y - 0.36, y + 0.36], color=GOAL, lw=1.6)


def _shown(row: Summary) -> Estimate:
    """The mean where the work comes in bursts, which a median of short blocks does not see."""
    chosen = row.median if row.contender in {"every1", "hooks", "tb1", "wandb1"} else row.mean
    assert chosen is not None
    return chosen


def _goal(row: Summary) -> float | None:
    if row.contender == "every1":
        return ONE_OBSERVATION.get(row.workload)
    return {"budget": LONG_RUN, "idle": IDLE}.get(row.contender)


def _colour_labels(axis, names: list[str]) -> None:
    for label, name in zip(axis.get_yticklabels(), names, strict=True):
        label.set_fontsize(8.5)
        if CONTENDERS[name].ours:
            label.set_color(OURS)
            label.set_fontweight("bold")


def _legend(figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure.legend(
        handles=[
            Line2D([], [], color=OURS, marker="o", ms=5, label="Clinometer, with 95 % interval"),
            Line2D([], [], color=OURS, marker="D", ms=5, mfc="none", lw=0, label="its own books"),
            Line2D([], [], color=THEIRS, marker="o", ms=5, label="others"),
            Line2D([], [], color=THEIRS, marker="o", ms=5, mfc="white", label="computed"),
            Line2D([], [], color=GOAL, marker="|", ms=10, mew=1.6, lw=0, label="goal"),
            Patch(color=NULL, label="bare against bare"),
        ],
        loc="outside lower center", ncols=6, fontsize=7.5, frameon=False, columnspacing=1.2,
    )  # fmt: skip
