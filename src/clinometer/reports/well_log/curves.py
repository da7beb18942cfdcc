"""The tracks of a well log and the curves in them, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinometer.reports.well_log import scale
from clinometer.reports.well_log.scale import Scale

# Okabe & Ito; every curve differs from its neighbours by its line, too
BLACK, BLUE, RED, GREEN, BROWN, GREY = (
    "#000000", "#0072B2", "#B24700", "#00735C", "#7A4B1E", "#555555",
)  # fmt: skip
SOLID, DOTTED = "-", (0, (1, 1.4))
DASHED, LONG_DASHED, DOT_DASHED = (0, (3.2, 1.8)), (0, (7, 2.2)), (0, (6, 1.6, 1, 1.6))


@dataclass(frozen=True)
class Curve:
    """One curve: what it shows, on which scale, and how its line looks.

    Attributes
    ----------
    key : name of the reading (see `Well.read`)
    label, unit : as the header says them
    joined : whether readings of neighbouring places are joined (a signal on its way), or each stands for
        its bed and the curve goes in steps
    apart : whether each reading stands by itself, as those of neighbours say nothing together
    backup : whether it is drawn only where it is on its scale, as the continuation of another
    """

    key: str
    label: str
    unit: str
    scale: Scale
    colour: str
    line: Any = SOLID
    width: float = 1.2
    joined: bool = False
    backup: bool = False
    apart: bool = False


@dataclass(frozen=True)
class Track:
    """Curves over one another, and the grid behind them.

    `divisions` of the grid from edge to edge; `bold`: every how many a line is heavier; `inner`: whether
    each division is a decade with its nine inner lines.
    """

    name: str
    curves: tuple[Curve, ...]
    divisions: int
    bold: int
    inner: bool = False


SATURATION = Track(
    "saturation",
    (
        Curve("saturated", "saturated", "%", scale.SHARE, BROWN),
        Curve("dead", "dead units", "%", scale.SHARE, BLACK, DOTTED, 1.4),
    ),
    divisions=10, bold=5,
)  # fmt: skip
BELOW = Curve("gradient", "backup", "loss/-", scale.BELOW, BLUE, DASHED, 0.9, True, True)
ABOVE = Curve("gradient", "backup", "loss/-", scale.ABOVE, BLUE, DASHED, 0.9, True, True)
GRADIENT = Track(
    "gradient",
    (
        Curve("gradient", "gradient RMS", "loss/-", scale.GRADIENT, BLUE, SOLID, 1.6, True),
        BELOW,
        ABOVE,
        Curve("activation", "activation RMS", "-", scale.ACTIVATION, GREEN, LONG_DASHED, 1.0, True),
    ),
    divisions=8, bold=4,
)  # fmt: skip
UPDATE = Track(
    "update ratio",
    (
        Curve("update_ratio", "update ratio", "-", scale.UPDATE, BLACK, SOLID, 1.3),
        Curve("rounding_limit", "rounding limit", "-", scale.UPDATE, RED, DOTTED, 1.4),
    ),
    divisions=7, bold=7,
)  # fmt: skip
PAIR = Track(
    "factor pair",
    (
        Curve("slope", "activation slope", "-", scale.PAIR, GREEN, SOLID, 1.5),
        Curve("weight_gain", "weight gain", "-", scale.REVERSED, RED, DASHED, 1.4),
        Curve("other_gain", "other gains", "-", scale.PAIR, GREY, DOTTED, 1.2, apart=True),
    ),
    divisions=2, bold=1, inner=True,
)  # fmt: skip
TRACKS = (SATURATION, GRADIENT, UPDATE, PAIR)
