"""The chain rule's table as a figure: both models, both losses, float64 and float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinometer.calibration.comparison import Comparison
from clinometer.reports.comparison_table import COLUMNS, LOST, WHY, ZERO, Row, chain_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE_INCH = 0.27
RIGHT_ENDS = (0.47, 0.64, 0.82, 0.995)  # of the four columns, as shares of the width
MARKED = "#CCCCCC"  # behind exact zeros and lost steps: reads in black and white


def table_figure(comparison: Comparison) -> Figure | str:
    """A table drawn as text; grey cells are exact zeros and steps that change no bit."""
    rows = chain_rows(comparison)
    if isinstance(rows, str):
        return rows
    from matplotlib.figure import Figure

    lines = len(rows) + 3.6 + len(WHY)
    figure = Figure(figsize=(9.6, LINE_INCH * lines))
    panel = figure.add_axes((0.02, 0.01, 0.96, 0.98))
    panel.set(xlim=(0, 1), ylim=(lines, 0))
    panel.axis("off")
    for name, right in zip(COLUMNS, RIGHT_ENDS, strict=True):
        panel.text(right, 0.6, name, ha="right", va="center", weight="bold", fontsize=10)
    for k, row in enumerate(rows):
        _line(panel, row, 1.7 + k)
    legend = "Grey: exactly 0, or a step that is lost (it changes no bit of w). C is the mean over points."
    for k, text in enumerate((legend, *WHY)):
        panel.text(0.0, len(rows) + 2.4 + k, text, va="center", fontsize=9.5)
    return figure


def _line(panel: Axes, row: Row, at: float) -> None:
    if not row.cells:
        panel.plot([0, 1], [at - 0.5, at - 0.5], color="#000000", linewidth=0.8)
        panel.text(0.0, at, row.quantity, va="center", weight="bold", fontsize=10)
        return
    panel.text(0.015, at, row.quantity, va="center", fontsize=10)
    for cell, right in zip(row.cells, RIGHT_ENDS, strict=True):
        marked = cell == ZERO or cell.endswith(LOST)
        box = {"boxstyle": "square,pad=0.12", "facecolor": MARKED, "edgecolor": "none"}
        panel.text(
            right, at, cell, ha="right", va="center", fontsize=10,
            bbox=box if marked else None, weight="bold" if marked else "normal",
        )  # fmt: skip
