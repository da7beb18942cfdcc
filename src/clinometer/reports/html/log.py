"""The well log in the page: the sheet as a picture that no script can hide in, and what lies where on it."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.errors import ClinometerError
from clinometer.reports.well_log.matching import side_by_side
from clinometer.reports.well_log.plot import DOTS, check_matplotlib, drawable
from clinometer.reports.well_log.well import Well

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

MOST_BYTES = (
    768 * 1024
)  # of the picture as text: leaves a quarter of 1 MiB for the rest of the page
DIGITS = 4  # of a share of the sheet: a tenth of a point on the tallest one
PIXELS = 96  # to the inch: CSS Values and Units 3, section 5.2
RIM = 0.06  # around what is shown of the sheet [inches]


@dataclass(frozen=True)
class Log:
    """The picture and the places on it.

    Attributes
    ----------
    picture : a data URI; "" where there is none, and `why` says why
    size : width and height of the sheet [CSS pixels]
    edges : left, top, right and bottom of the places, in shares of the sheet
    """

    picture: str
    why: str
    size: tuple[int, int]
    edges: tuple[float, float, float, float]


def log(diagnosis: Diagnosis) -> tuple[Log, Well | None]:
    """(the log, the well it shows); without a picture where nothing can be drawn."""
    try:
        well = drawable(diagnosis)
    except ClinometerError as error:
        return _nothing(error), None
    try:
        check_matplotlib()
    except ClinometerError as error:
        return _nothing(error), well
    from clinometer.reports.well_log.sheet import sheet

    figure = sheet([well])
    part = _part(figure)
    size = round(float(part.width) * PIXELS), round(float(part.height) * PIXELS)
    return Log(_picture(figure, part), "", size, _edges(figure, part, len(well))), well


def log_beside(before: Diagnosis, after: Diagnosis) -> Log:
    """Two wells on one depth axis; without a picture where either cannot be drawn."""
    try:
        wells = [drawable(before), drawable(after)]
        check_matplotlib()
    except ClinometerError as error:
        return _nothing(error)
    from clinometer.reports.well_log.sheet import sheet

    matched = side_by_side(*wells)
    figure = sheet(matched)
    part = _part(figure)
    size = round(float(part.width) * PIXELS), round(float(part.height) * PIXELS)
    return Log(_picture(figure, part), "", size, _edges(figure, part, len(matched[0])))


def _nothing(error: ClinometerError) -> Log:
    return Log("", str(error).partition("\n")[0], (0, 0), (0.0, 0.0, 0.0, 0.0))


def _tracks(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_label()]


def _part(figure: Figure) -> Bbox:
    """What is shown of the sheet [inches]: tracks, their headers and the legend; the page says the rest."""
    from matplotlib.transforms import Bbox

    across, down = figure.get_size_inches()
    boxes = [axes.get_position() for axes in _tracks(figure)]
    top = max(box.y1 for box in boxes)
    heads = [box for axes in figure.axes if abs((box := axes.get_position()).y0 - top) < 1e-6]
    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    lowest = min(axes.get_position().y0 for axes in figure.axes)
    high = max((box.y1 for box in heads), default=top)
    edges = left * across - RIM, lowest * down - RIM, right * across + RIM, high * down + RIM
    return Bbox.from_extents(*edges)


def _picture(figure: Figure, part: Bbox) -> str:
    """A data URI: SVG, sharp at any size, or PNG where that is too long."""
    import matplotlib as mpl

    drawn = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "clinometer", "svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None}, bbox_inches=part)
    told = _uri("image/svg+xml", shorter(drawn.getvalue().decode()).encode())
    if len(told) <= MOST_BYTES:
        return told
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS, bbox_inches=part)
    return _uri("image/png", drawn.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def shorter(svg: str) -> str:
    """The same drawing in fewer characters: paths to a hundredth of a point, no comments, no spaces.

    >>> shorter('<?xml?><svg><!-- a --><path d="M 1.23456 2 " /> <g/></svg>')
    '<svg><path d="M 1.23 2 " /><g/></svg>'
    """
    svg = re.sub(
        r"<!--.*?-->|<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL
    )
    svg = re.sub(r'(?<= d=")[^"]*', _rounded, svg)
    return re.sub(r">\s+<", "><", svg)


def _rounded(path: re.Match[str]) -> str:
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", path.group().replace("\n", " "))


def _edges(figure: Figure, part: Bbox, places: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the places, in shares of what is shown."""
    across, down = figure.get_size_inches()
    boxes = [axes.get_position() for axes in _tracks(figure)]
    bottom, top = _tracks(figure)[0].get_ylim()

    def share_across(place: float) -> float:
        return round(float((place * across - part.x0) / part.width), DIGITS)

    def share_down(depth: float) -> float:
        height = boxes[0].y0 + (depth - bottom) / (top - bottom) * boxes[0].height
        return round(float((part.y1 - height * down) / part.height), DIGITS)

    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    return (
        share_across(left), share_down(-0.5), share_across(right), share_down(places - 0.5),
    )  # fmt: skip
