"""`clinometer.plot_log`: the well log of a run, of two runs, or over a run's steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.errors import ClinometerError
from clinometer.records.recording import Recording
from clinometer.reports.well_log.matching import side_by_side
from clinometer.reports.well_log.well import Well, well_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
DOTS = 150  # to the inch, in png


def plot_log(
    run: Recording | Diagnosis,
    *,
    beside: Recording | Diagnosis | None = None,
    over: Literal["steps"] | None = None,
    curve: str = "gradient",
    steps: tuple[int, int] | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a run as a well log: depth is the order of execution downwards, the loss lies at total depth.

    Parameters
    ----------
    run : a recording, or its diagnosis where there is one already
    beside : another run, drawn to the right on the same scales; depths are matched by name
    over : "steps" for a heat map, depth x step, of one curve
    curve : of the heat map: "gradient", "activation" or "update_ratio" [decades], or "saturated" [share]
    steps : first and last step of the window that the curves are the mean of; default: as the report's,
        the last quarter of the run as far as it is finite
    to : file to write as well: .png, .svg or .pdf

    Returns
    -------
    matplotlib Figure : its axes bear the names of their tracks as labels (`Axes.get_label`).

    Raises
    ------
    ClinometerError : where matplotlib is not installed, the run has no layer to draw, an argument is
        none of those above, or the file cannot be written.

    Notes
    -----
    Curves are means of logarithms over the window, shares are means. Across a track a curve lies by the
    scale of its own header. An exact zero is a mark at the track's edge, NaN and Inf are a mark and, where
    nothing finite was seen, a gap; what was not measured is a gap.
    """
    check_suffix(to)
    if over not in {None, "steps"}:
        raise ClinometerError(f"over={over!r}: expected None or 'steps'")
    check_matplotlib()
    well = drawable(run, steps)
    if over == "steps":
        from clinometer.reports.well_log.heat_map import heat_map

        if beside is not None:
            raise ClinometerError("a heat map over steps shows one run; draw the other by itself")
        figure = heat_map(well, curve)
    else:
        from clinometer.reports.well_log.sheet import sheet

        wells = [well] if beside is None else side_by_side(well, drawable(beside, steps))
        figure = sheet(wells)
    if to is not None:
        save(figure, to)
    return figure


def drawable(run: Recording | Diagnosis, steps: tuple[int, int] | None = None) -> Well:
    """The well of a run; refuses one in which no layer was observed."""
    diagnosis = diagnose(run) if isinstance(run, Recording) else run
    well = well_of(diagnosis, steps)
    if not len(well) or not well.window.any():
        raise ClinometerError(
            f"{diagnosis.recording.path}: no layer was observed"
            + (f" in steps {steps[0]} to {steps[1]}" if steps and len(well) else "")
            + ", so there is no log to draw.\n  `clinometer report` says what was seen."
        )
    return well


def check_suffix(to: str | os.PathLike[str] | None) -> None:
    """Refuse a file that is no picture before anything is drawn."""
    if to is not None and Path(to).suffix.lower() not in SUFFIXES:
        raise ClinometerError(f"{os.fspath(to)}: expected a file ending in {', '.join(SUFFIXES)}")


def check_matplotlib() -> None:
    """Refuse to draw without matplotlib, saying how to get it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ClinometerError(
            "the well log needs matplotlib, which is not installed: pip install 'clinometer[plot]'"
        ) from None


def save(figure: Figure, to: str | os.PathLike[str]) -> None:
    """Write a picture in the format of its suffix; the same figure gives the same file."""
    import matplotlib as mpl

    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    try:
        with mpl.rc_context({"svg.hashsalt": "clinometer"}):
            figure.savefig(to, dpi=DOTS, metadata=undated.get(Path(to).suffix.lower()))
    except OSError as error:
        raise ClinometerError(
            f"{os.fspath(to)}: cannot be written ({error.strerror or error})"
        ) from None
