"""The header block of a log: the run, what came of it, and what the curves were read from."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.reports.layout import counted, cut, short, wrapped
from clinometer.reports.well_log.well import Well
from clinometer.reports.well_log.words import LARGE, TITLE, fitting, height, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NULL = "-999.25"  # what stands for a missing value in LAS files
ROWS = 4  # of facts
MOST_LINES = 3  # of the sentence
NARROWEST = 3.2  # column of facts [inches]
LABEL = 0.78  # width of a fact's label [inches]


def tall(well: Well, wide: float) -> float:
    """Height of the block at a width [inches]."""
    return (
        height(1.7, TITLE) + height(len(_sentence(well, wide)), LARGE) + ROWS * height(1.15) + 0.22
    )


def _sentence(well: Well, wide: float) -> list[str]:
    room = fitting(wide - 0.24, LARGE)
    found = wrapped(well.diagnosis.because, room)
    if len(found) <= MOST_LINES:
        return found
    return [*found[: MOST_LINES - 1], cut(" ".join(found[MOST_LINES - 1 :]), room)]


def draw_title(axes: Axes, well: Well, what: str = "WELL LOG OF A NETWORK") -> None:
    """The block; the axes' unit is the inch."""
    from matplotlib.patches import Rectangle

    wide, full = axes.get_xlim()[1], axes.get_ylim()[0]
    axes.add_patch(
        Rectangle((0, 0), wide, full, fill=False, edgecolor="#000000", linewidth=1.2, clip_on=False)
    )
    diagnosis, left = well.diagnosis, 0.12
    down = height(1.0, TITLE)
    verdict = diagnosis.verdict.upper()
    name = short(PurePath(diagnosis.recording.path).name, fitting(wide * 0.45, TITLE))
    write(axes, left, down, name, fontsize=TITLE, weight="bold", va="center")
    write(axes, wide - left, down, verdict, fontsize=TITLE, weight="bold", ha="right", va="center")
    if wide > len(name + verdict) * TITLE * 0.75 / 72 + 3.2:
        write(axes, wide / 2, down, what, fontsize=LARGE, color="#555555", ha="center", va="center")
    down = height(1.7, TITLE) + height(0.5, LARGE)
    for line in _sentence(well, wide):
        write(axes, left, down, line, fontsize=LARGE, va="center")
        down += height(1, LARGE)
    _facts(axes, facts(well), wide, full - ROWS * height(1.15) - 0.1)


def _facts(axes: Axes, shown: list[tuple[str, str]], wide: float, top: float) -> None:
    """Facts in columns; as many columns as are wide enough to be read, the others are left out."""
    columns = min(-(-len(shown) // ROWS), max(1, int(wide / NARROWEST)))
    part = (wide - 0.24) / columns
    for i, (label, text) in enumerate(shown[: columns * ROWS]):
        left, down = 0.12 + (i // ROWS) * part, top + (i % ROWS + 0.5) * height(1.15)
        write(axes, left, down, label, color="#666666", va="center")
        room = fitting(part - LABEL - 0.05)
        fitted = short(text, room) if label == "script" else cut(text, room)  # of a path, the end
        write(axes, left + LABEL, down, fitted, va="center")


def facts(well: Well) -> list[tuple[str, str]]:
    """Label and text of each fact, down the columns; what the recording does not say is left out."""
    diagnosis, recording = well.diagnosis, well.diagnosis.recording
    meta = recording.meta
    script = " ".join([str(meta.get("script") or ""), *map(str, meta.get("arguments") or [])])
    seen = int(well.window.sum())
    found = [
        ("loss", _loss(diagnosis)),
        ("no inform.", _level(diagnosis)),
        ("learn. rate", _rate(recording.scalars.get("lr"))),
        ("dtype", _dtypes(diagnosis)),
        ("datum", _datum(well)),
        ("mean", f"of logs (shares: plain), n = {seen:,}"),
        ("depth", f"{counted(len(well), 'place')}, TD: the loss"),
        ("NULL", f"{NULL} in LAS, here a gap"),
        ("script", script.strip()),
        ("started", str(meta.get("started") or "").replace("T", " ")),
        ("steps", f"{recording.steps:,}, {len(recording.observed):,} observed; ended: {recording.ended}"),
        ("recorder", f"Clinometer {meta.get('clinometer', '?')}, PyTorch {meta.get('torch', '?')}"),
    ]  # fmt: skip
    return [(label, text or "not recorded") for label, text in found]


def _datum(well: Well) -> str:
    if well.steps is None:
        return "no observation in this window"
    first, last = well.steps
    return f"training batches of steps {first:,} to {last:,}"


def _loss(diagnosis: Diagnosis) -> str:
    course = diagnosis.course
    if course.first is None or course.last is None:
        return "not seen"
    broke = f"; not finite at step {course.bad_step:,}" if course.bad_step is not None else ""
    return f"{course.first:.4g} at first, {course.last:.4g} at last{broke}"


def _level(diagnosis: Diagnosis) -> str:
    course = diagnosis.course
    if course.no_information is None:
        return "level not known"
    return f"{course.no_information:.4g} ({course.named})"


def _rate(rates: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None) -> str:
    known = rates[~np.isnan(rates)] if rates is not None else np.zeros(0)
    if not len(known):
        return ""
    low, high, last = float(known.min()), float(known.max()), float(known[-1])
    return f"{last:.3g}" if low == high else f"{last:.3g} at last ({low:.3g} to {high:.3g})"


def _dtypes(diagnosis: Diagnosis) -> str:
    sites = diagnosis.recording.of_kind("parameter")
    return ", ".join(dict.fromkeys(str(site.facts.get("dtype", "?")) for site in sites))
