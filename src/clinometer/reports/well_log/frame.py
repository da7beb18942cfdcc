"""Where everything stands on the sheet, in inches from its upper left corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.reports.well_log.grouping import MOST_PLACES
from clinometer.reports.well_log.words import NORMAL, height

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TALLEST, LOWEST = 12.0, 3.2  # of the tracks
ROW = 0.3  # height of a place where there is room for it
SHEET_MARGIN = 0.3
END = height(1.9)  # of the bands for the surface and the loss


@dataclass(frozen=True)
class Depths:
    """The depth axis of a log: `places` places, each `row` inches high, and a band at both ends."""

    places: int

    @property
    def tall(self) -> float:
        """Height of the tracks [inches]."""
        return float(np.clip(self.places * ROW + 2 * END, LOWEST, TALLEST))

    @property
    def row(self) -> float:
        """Height of one place [inches]."""
        return (self.tall - 2 * END) / max(self.places, 1)

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the vertical axis, in places: the deepest first."""
        pad = END / self.row
        return self.places - 0.5 + pad, -0.5 - pad

    @property
    def are_named(self) -> bool:
        """Whether every place bears its name; otherwise blocks do."""
        return self.places <= MOST_PLACES

    @property
    def size(self) -> float:
        """Font size of the names of places [points]."""
        return min(NORMAL, self.row / height(1, 1.0)) if self.are_named else NORMAL


def axes_at(
    figure: Figure, left: float, top: float, wide: float, tall: float, **given: Any
) -> Axes:
    """Axes in a rectangle given in inches."""
    across, down = figure.get_size_inches()
    return figure.add_axes(
        (left / across, 1 - (top + tall) / down, wide / across, tall / down), **given
    )


def blank_at(figure: Figure, left: float, top: float, wide: float, tall: float) -> Axes:
    """Axes without a frame whose unit is the inch, the origin at the upper left."""
    axes = axes_at(figure, left, top, wide, tall)
    axes.set(xlim=(0, wide), ylim=(tall, 0))
    axes.axis("off")
    return axes
