"""The figures of a comparison, as matplotlib Figures and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clinometer.calibration.comparison import Comparison
from clinometer.errors import ClinometerError
from clinometer.reports.comparison_plane import plane_figure
from clinometer.reports.comparison_sigmoid import sigmoid_figure
from clinometer.reports.comparison_table_figure import table_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = {"separators": plane_figure, "sigmoid": sigmoid_figure, "table": table_figure}


def figures(comparison: Comparison) -> tuple[dict[str, Figure], dict[str, str]]:
    """Every figure that this comparison allows, by name, and why each other one is left out.

    Raises
    ------
    ClinometerError : where matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ClinometerError(
            "figures need matplotlib, which is not installed: pip install 'clinometer[plot]'"
        ) from None
    drawn = {name: draw(comparison) for name, draw in DRAWN.items()}
    left_out = {name: result for name, result in drawn.items() if isinstance(result, str)}
    return {name: r for name, r in drawn.items() if not isinstance(r, str)}, left_out


def save_figures(comparison: Comparison, folder: str | Path) -> tuple[list[str], list[str]]:
    """Write each figure as png and svg; return the paths, and one line for each figure left out."""
    folder = Path(folder)
    drawn, left_out = figures(comparison)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.{kind}" for name in drawn for kind in ("png", "svg")]
        for path in paths:
            drawn[path.stem].savefig(path, dpi=150)
    except OSError as error:
        raise ClinometerError(
            f"the figures cannot be written to {folder}: {error.strerror}"
        ) from None
    return [str(path) for path in paths], [f"{name}: {why}" for name, why in left_out.items()]
