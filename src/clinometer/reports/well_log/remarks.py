"""What was found, beside the depth where it was found: shaded bands and a column of codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clinometer.diagnosis.rule import Finding
from clinometer.reports.layout import short
from clinometer.reports.well_log.frame import Depths
from clinometer.reports.well_log.tracks import frame
from clinometer.reports.well_log.well import Well
from clinometer.reports.well_log.words import SMALL, apart, fitting, height, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 6  # findings in the column: as many as have room on the lowest log
STRONG, RIM = "#FFE680", "#C79A00"


@dataclass(frozen=True)
class Remark:
    """A finding and where it lies: bands of places (first, last), that of its own layer first."""

    finding: Finding
    bands: tuple[tuple[int, int], ...]

    @property
    def middle(self) -> float:
        """Depth of the middle of its own layer's band."""
        return sum(self.bands[0]) / 2


def remarks(well: Well) -> list[Remark]:
    """Findings that have a place in the well, in order of blame; notes are left to the report."""
    grave = [finding for finding in well.diagnosis.findings if finding.severity != "note"]
    found = [Remark(finding, _bands(well, finding)) for finding in grave]
    return [remark for remark in found if remark.bands][:MOST]


def _bands(well: Well, finding: Finding) -> tuple[tuple[int, int], ...]:
    """The places of the layer that is blamed, then those of the other layers that it names."""
    if not finding.layer or not well.places(finding.layer):
        return ()
    layers = dict.fromkeys((finding.layer, *finding.layers))
    found = [(places[0], places[-1]) for layer in layers if (places := well.places(layer))]
    return tuple(dict.fromkeys(found))


def blamed(well: Well) -> list[int]:
    """Places of the layers that findings blame, the leading one's first."""
    return [place for remark in remarks(well) for place in well.places(remark.finding.layer)]


def shade(axes: Axes, found: Sequence[Remark], *, least: float) -> None:
    """The band of the leading finding's layer; `least` is how high it is at least, in places."""
    for remark in found[:1]:
        first, last = remark.bands[0]
        half = max((last - first + 1) / 2, least / 2)
        axes.axhspan(
            remark.middle - half, remark.middle + half, facecolor=STRONG, edgecolor=RIM,
            linewidth=1.0, zorder=0.6,
        )  # fmt: skip


def draw_remarks(axes: Axes, found: Sequence[Remark], depths: Depths, wide: float) -> None:
    """The column of codes: each beside its layer, with a bracket over it."""
    axes.set_xlim(0, wide)
    axes.set_label("findings")
    frame(axes)
    order = sorted(found, key=lambda remark: remark.middle)
    named = depths.are_named
    tall = [height(2.3 if named else 3.4, SMALL) / depths.row] * len(order)
    bottom, top = depths.limits
    placed = apart([remark.middle for remark in order], tall, top, bottom)
    line = height(1, SMALL) / depths.row
    room = fitting(wide - 0.22, SMALL)
    for remark, down in zip(order, placed, strict=True):
        finding, (first, last) = remark.finding, remark.bands[0]
        leads = remark is found[0]
        colour = "#000000" if leads else "#555555"
        axes.plot(
            [0.04, 0.09, 0.09, 0.04], [first - 0.4, first - 0.4, last + 0.4, last + 0.4],
            color=colour, linewidth=1.3 if leads else 0.8,
        )  # fmt: skip
        if leads:
            _others(axes, remark)
        axes.plot([0.09, 0.16], [remark.middle, down], color=colour, linewidth=0.6)
        style = {"va": "center", "color": colour, "zorder": 5}
        write(
            axes, 0.18, down - line * (0.5 if named else 1), finding.code, fontsize=SMALL + 0.8,
            weight="bold" if leads else "normal", **style,
        )  # fmt: skip
        told = (finding.name,) if named else (finding.name, f"at {finding.layer}")
        for i, text in enumerate(told, 1):
            write(
                axes,
                0.18,
                down + (i - (0.5 if named else 1)) * line,
                short(text, room),
                fontsize=SMALL,
                **style,
            )


def _others(axes: Axes, remark: Remark) -> None:
    """A bar at the edge of the column over each other layer that the leading finding names."""
    for first, last in remark.bands[1:]:
        axes.plot(
            [0.045, 0.045], [first - 0.4, last + 0.4], color=RIM, linewidth=2.2,
            solid_capstyle="butt", zorder=3,
        )  # fmt: skip
