"""The figures of a comparison, as matplotlib Figures and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clinometer.calibration.comparison import Comparison
from clinometer.reports.comparison_plane import plane_figure
from clinometer.reports.comparison_sigmoid import sigmoid_figure
from clinometer.reports.comparison_table_figure import table_figure
from clinometer.reports.panels import need_matplotlib
from clinometer.reports.saved_figures import saved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = {"separators": plane_figure, "sigmoid": sigmoid_figure, "table": table_figure}


def figures(comparison: Comparison) -> tuple[dict[str, Figure], dict[str, str]]:
    """Every figure that this comparison allows, by name, and why each other one is left out.

    Raises
    ------
    ClinometerError : where matplotlib is not installed.
    """
    need_matplotlib()
    drawn = {name: draw(comparison) for name, draw in DRAWN.items()}
    left_out = {name: result for name, result in drawn.items() if isinstance(result, str)}
    return {name: r for name, r in drawn.items() if not isinstance(r, str)}, left_out


def save_figures(comparison: Comparison, folder: str | Path) -> tuple[list[str], list[str]]:
    """Write each figure as png and svg; return the paths, and one line for each figure left out."""
    return saved(*figures(comparison), folder)
