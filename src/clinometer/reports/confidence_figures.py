"""The figures of a confidence and of a run view, as matplotlib Figures, panels and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.calibration.confidence import Confidence
from clinometer.calibration.run_view_result import RunView
from clinometer.errors import ClinometerError
from clinometer.reports.groups_figure import groups_figure
from clinometer.reports.panels import figure_of, need_matplotlib
from clinometer.reports.reliability_figure import reliability_figure
from clinometer.reports.run_view_figure import run_view_figure
from clinometer.reports.saved_figures import saved
from clinometer.reports.waterfall_figure import waterfall_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Draw = Callable[..., Any]
OF_CONFIDENCE: dict[str, Draw] = {
    "reliability": reliability_figure,
    "loss": waterfall_figure,
    "groups": groups_figure,
}
OF_RUN_VIEW: dict[str, Draw] = {"run": run_view_figure}


def figures(result: Confidence | RunView) -> tuple[dict[str, Figure], dict[str, str]]:
    """Every figure that this result allows, by name, and why each other one is left out.

    Raises
    ------
    ClinometerError : where matplotlib is not installed.
    """
    need_matplotlib()
    drawn = {name: draw(result) for name, draw in _kinds(result).items()}
    left_out = {name: found for name, found in drawn.items() if isinstance(found, str)}
    made = {name: figure_of(ax) for name, ax in drawn.items() if not isinstance(ax, str)}
    return made, left_out


def save_figures(result: Confidence | RunView, folder: str | Path) -> tuple[list[str], list[str]]:
    """Write each figure as png and svg; return the paths, and one line for each figure left out."""
    return saved(*figures(result), folder)


def plot(
    result: Confidence | RunView, kind: str | None = None, *, ax: Axes | None = None
) -> Figure | Axes:
    """Draw one result: a new Figure, or onto `ax`, which is then returned.

    Parameters
    ----------
    result : of `confidence`, or of `run_view`
    kind : of a confidence: "reliability" (the default), "loss" (its parts) or "groups"; of a run view: "run"
    ax : a matplotlib panel to draw on; one that stands in a grid is divided where the picture has two parts

    Raises
    ------
    ClinometerError : for a kind that this result does not have, and where matplotlib is not installed.
    """
    kinds = _kinds(result)
    if kind is None:
        kind = next(iter(kinds))
    if kind not in kinds:
        raise ClinometerError(f"there is no picture {kind!r} of this: expected {', '.join(kinds)}")
    need_matplotlib()
    drawn = kinds[kind](result, ax)
    if isinstance(drawn, str):
        raise ClinometerError(f"the picture {kind!r} {drawn}")
    return figure_of(drawn) if ax is None else drawn


def _kinds(result: Confidence | RunView) -> dict[str, Draw]:
    if isinstance(result, RunView):
        return OF_RUN_VIEW
    if isinstance(result, Confidence):
        return OF_CONFIDENCE
    raise ClinometerError(
        f"found {type(result).__name__}: expected the result of clinometer.confidence or clinometer.run_view"
    )
