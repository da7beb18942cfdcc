"""The loss as a waterfall: what a temperature, class shifts and a monotone map remove, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.calibration.confidence import Confidence
from clinometer.calibration.ladder import Ladder
from clinometer.reports.panels import BLACK, BLUE, GREY, ORANGE, SMALL, VERMILION, blank, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (7.2, 4.6)
STEPS = (  # part, what removes it, colour and hatch: they differ in grey, too
    ("scale", "one temperature\nremoves it", ORANGE, "//"),
    ("shift", "one constant a\nclass removes it", VERMILION, "\\\\"),
    ("shape", "any rising map\nremoves it", "#CC79A7", ".."),
)


def waterfall_figure(result: Confidence, ax: Axes | None = None) -> Axes:
    """Total loss, its parts as steps down, and the refinement; what is not judged is said in words."""
    ax = panel(ax, *SIZE)
    parts = result.ladder
    ax.set_title("What the loss is made of", loc="left", fontsize=10.5)
    if parts.refinement is None:
        why = parts.notes[0] if parts.notes else "its parts are not judged"
        blank(ax, f"Loss {parts.total:.4g} nat a row; {why}.")
        return ax
    _bar(ax, 0, 0.0, parts.total, GREY, "", f"{parts.total:.4g}")
    level = _steps(ax, parts)
    last = len(STEPS) + 1
    _bar(ax, last, 0.0, parts.refinement, BLUE, "", _size(parts.refinement, parts.total))
    _joint(ax, last - 1, level)
    names = ["total loss", *(f"{name}\n{what}" for name, what, *_ in STEPS), "refinement\nstays"]
    ax.set_xticks(range(last + 1), names, fontsize=SMALL)
    ax.set(
        ylabel="loss [nat a row]",
        ylim=(0.0, 1.14 * max(parts.total, parts.refinement)),
        xlim=(-0.6, last + 0.6),
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _steps(ax: Axes, parts: Ladder) -> float:
    """Draw each part from the level that the one before left; the last level."""
    level = parts.total
    for at, (name, _, colour, hatch) in enumerate(STEPS, start=1):
        size = getattr(parts, name)
        _joint(ax, at - 1, level)
        if size is None:
            ax.text(
                at,
                level,
                "not judged\n",
                ha="center",
                va="bottom",
                fontsize=SMALL,
                style="italic",
                linespacing=0.4,
            )
            ax.plot(
                [at - 0.35, at + 0.35], [level, level], color=BLACK, linewidth=0.8, linestyle=":"
            )
            continue
        _bar(ax, at, level - size, size, colour, hatch, _size(size, parts.total), top=level)
        level -= size
    return level


def _bar(
    ax: Axes,
    at: int,
    bottom: float,
    height: float,
    colour: str,
    hatch: str,
    text: str,
    top: float | None = None,
) -> None:
    ax.bar(at, height, 0.7, bottom, color=colour, edgecolor=BLACK, linewidth=0.8, hatch=hatch)
    above = bottom + height if top is None else top
    ax.annotate(text, (at, above), (0, 3), textcoords="offset points", ha="center", fontsize=SMALL)


def _joint(ax: Axes, at: int, level: float) -> None:
    ax.plot([at + 0.35, at + 0.65], [level, level], color=BLACK, linewidth=0.8)


def _size(part: float, total: float) -> str:
    share = f"\n{part / total:.0%}" if total > 0.0 else ""
    return f"{part:.3g}{share}"
