"""The strip below a log: rocks and marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from clinometer.reports.well_log.lines import HIGH, LOW, NOT_FINITE, ZERO
from clinometer.reports.well_log.lithology import ROCKS
from clinometer.reports.well_log.remarks import RIM, STRONG, Remark
from clinometer.reports.well_log.words import NORMAL, height, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = height(1.9)
MARKS = (
    (ZERO, True, "exactly zero"),
    (NOT_FINITE, True, "NaN or Inf"),
    (LOW, False, "off scale, left"),
    (HIGH, False, "off scale, right"),
)


def tall(wide: float, kinds: Iterable[str], found: Sequence[Remark]) -> float:
    """Height of the strip [inches]."""
    return (1 + max(line for *_, line in _placed(wide, _items(kinds, found)))) * LINE


def _items(kinds: Iterable[str], found: Sequence[Remark] | None) -> list[tuple[str, str]]:
    """(what is drawn, what it means); only rocks where `found` is None."""
    have = set(kinds)
    items = [("rock", name) for name in ROCKS if name in have]
    if found is None:
        return items
    items += [(shape, text) for shape, _, text in MARKS]
    return items + ([("band", f"blamed: {found[0].finding.code}")] if found else [])


def _placed(wide: float, items: Sequence[tuple[str, str]]) -> list[tuple[str, str, float, int]]:
    """Each item's left edge and line."""
    left, line, placed = 0.0, 0, []
    for shape, text in items:
        room = 0.48 + len(text) * NORMAL * 0.55 / 72
        if left and left + room > wide:
            left, line = 0.0, line + 1
        placed.append((shape, text, left, line))
        left += room
    return placed


def draw_legend(axes: Axes, kinds: Iterable[str], found: Sequence[Remark] | None) -> None:
    """The strip; the axes' unit is the inch. Only rocks where `found` is None."""
    from matplotlib.patches import Rectangle

    filled = {shape: is_filled for shape, is_filled, _ in MARKS}
    wide = axes.get_xlim()[1]
    for shape, text, left, line in _placed(wide, _items(kinds, found)):
        down = (line + 0.5) * LINE
        if shape in {"rock", "band"}:
            rock = ROCKS.get(text)
            swatch = Rectangle(
                (left, down - height(0.55)), 0.28, height(1.1),
                facecolor=rock.colour if rock else STRONG, hatch=rock.hatch if rock else "",
                edgecolor="#333333" if rock else RIM, linewidth=0.6,
            )  # fmt: skip
            axes.add_patch(swatch)
        else:
            axes.plot(
                left + 0.2, down, shape, color="#000000", markersize=4.6,
                markerfacecolor="#000000" if filled[shape] else "white",
            )  # fmt: skip
        write(axes, left + 0.34, down, text, va="center")
