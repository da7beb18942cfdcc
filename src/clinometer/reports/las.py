"""The curves of a well log as a LAS 2.0 file: plain text that geologists' programs read.

Canadian Well Logging Society, LAS version 2.0 (1992, updated 2014). Lines are at most 256 characters long
and ASCII; a depth is the number of a place in order of execution; names stand in ~Other, since a curve
holds numbers only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.errors import ClinometerError
from clinometer.records.recording import Float64, Recording
from clinometer.reports.well_log.lithology import ROCKS
from clinometer.reports.well_log.plot import drawable
from clinometer.reports.well_log.title import NULL
from clinometer.reports.well_log.well import Well

DIGITS = 9  # significant: enough that a float32, which is what is recorded, reads back the same


@dataclass(frozen=True)
class Mnemonic:
    """A curve of the file: `key` in `Well.read`; decades are written as the values themselves."""

    name: str
    unit: str
    key: str
    meaning: str
    decades: bool = True


CURVES = (
    Mnemonic("SAT", "V/V", "saturated", "units x examples with a slope below 1 % of its peak", False),
    Mnemonic("DEAD", "V/V", "dead", "units whose slope was zero on every example", False),
    Mnemonic("GRMS", "", "gradient", "RMS of the gradient at the output of the place"),
    Mnemonic("ARMS", "", "activation", "RMS of the output of the place"),
    Mnemonic("UPDR", "", "update_ratio", "RMS of the step / RMS of the weight"),
    Mnemonic("RLIM", "", "rounding_limit", "update ratio below which rounding loses a step"),
    Mnemonic("LOST", "V/V", "lost", "movable weights that a step left unchanged", False),
    Mnemonic("SLOP", "", "slope", "RMS gradient gain of an activation"),
    Mnemonic("WGAI", "", "weight_gain", "RMS gradient gain of a linear map or convolution"),
    Mnemonic("OGAI", "", "other_gain", "RMS gradient gain of any other place"),
)  # fmt: skip


def to_las(
    run: Recording | Diagnosis,
    path: str | os.PathLike[str],
    *,
    steps: tuple[int, int] | None = None,
) -> None:
    """Write the curves of a run's well log as a LAS 2.0 file.

    Parameters
    ----------
    run : a recording, or its diagnosis where there is one already
    path : file to write, usually .las
    steps : first and last step of the window that the curves are the mean of (see `plot_log`)

    Raises
    ------
    ClinometerError : where the run has no layer, or the file cannot be written.

    Notes
    -----
    A reading stands at the place where it was taken. -999.25 means not measured; an exact zero is 0.
    Values have 9 digits, so that a float32 reads back the same.
    """
    text = las_text(drawable(run, steps))
    try:
        Path(path).write_text(text, encoding="ascii")
    except OSError as error:
        raise ClinometerError(
            f"{os.fspath(path)}: cannot be written ({error.strerror or error})"
        ) from None


def las_text(well: Well) -> str:
    """The whole file."""
    return "\n".join([*_header(well), *_parameters(well), *_others(well), *_data(well)]) + "\n"


def columns(well: Well) -> dict[str, Float64]:
    """Each curve of the file by its mnemonic, (places,), rounded to float32 as everything recorded is.

    nan where it was not measured.
    """
    found: dict[str, Float64] = {"DEPT": np.arange(len(well), dtype=np.float64)}
    for curve in CURVES:
        values = well.read[curve.key]
        values = np.power(10.0, values) if curve.decades else values
        found[curve.name] = values.astype(np.float32).astype(np.float64)
    codes = {name: float(number) for number, name in enumerate(ROCKS, 1)}
    found["LITH"] = np.array([codes[kind] for kind in well.kinds], dtype=np.float64)
    found["NFGR"] = well.broken["gradient"].astype(np.float64)
    found["NFAC"] = well.broken["activation"].astype(np.float64)
    return found


def _header(well: Well) -> Iterator[str]:
    recording = well.diagnosis.recording
    yield "~Version"
    yield _item("VERS", "", "2.0", "CWLS LOG ASCII STANDARD - VERSION 2.0")
    yield _item("WRAP", "", "NO", "ONE LINE PER DEPTH STEP")
    yield "~Well"
    yield _item("STRT", "LAYER", "0", "FIRST PLACE, AT THE INPUT")
    yield _item("STOP", "LAYER", str(len(well) - 1), "LAST PLACE, BEFORE THE LOSS")
    yield _item("STEP", "LAYER", "1" if len(well) > 1 else "0", "ORDER OF EXECUTION")
    yield _item("NULL", "", NULL, "NOT MEASURED")
    yield _item("COMP", "", "", "COMPANY")
    yield _item("WELL", "", PurePath(recording.path).name, "RECORDING")
    yield _item("FLD", "", str(recording.meta.get("script") or ""), "SCRIPT")
    yield _item("LOC", "", str(recording.meta.get("machine") or ""), "MACHINE")
    yield _item("SRVC", "", f"Clinometer {recording.meta.get('clinometer', '')}", "RECORDER")
    yield _item("DATE", "", str(recording.meta.get("started") or "")[:10], "START OF THE RUN")
    yield "~Curve"
    yield _item("DEPT", "LAYER", "", "number of the place, in order of execution")
    for curve in CURVES:
        yield _item(curve.name, curve.unit, "", curve.meaning)
    rocks = ", ".join(f"{number} {name}" for number, name in enumerate(ROCKS, 1))
    yield _item("LITH", "", "", f"kind of layer: {rocks}")
    yield _item("NFGR", "", "", "1 where NaN or Inf was seen in the gradient")
    yield _item("NFAC", "", "", "1 where NaN or Inf was seen in the output")


def _parameters(well: Well) -> Iterator[str]:
    course = well.diagnosis.course
    first, last = well.steps or (0, 0)
    yield "~Parameter"
    yield _item("VERD", "", well.diagnosis.verdict, "verdict")
    yield _item("STP1", "", str(first), "first step of the window of the curves")
    yield _item("STP2", "", str(last), "last step of the window of the curves")
    yield _item("NOBS", "", str(int(well.window.sum())), "observations that they are the mean of")
    for name, value, meaning in (
        ("LOS1", course.first, "loss at first"),
        ("LOS2", course.last, "loss at last"),
        ("NOIN", course.no_information, "loss of the best constant guess"),
    ):
        yield _item(name, "", NULL if value is None else _number(value), meaning)


def _others(well: Well) -> Iterator[str]:
    """The sentence and the names; no line begins with a tilde, whatever a layer is called."""
    yield "~Other"
    yield _plain(f"because: {well.diagnosis.because}")
    yield "place, kind, class, name:"
    for i, name in enumerate(well.names):
        yield _plain(f"{i} | {well.kinds[i]} | {well.classes[i] or '-'} | {name}")


def _data(well: Well) -> Iterator[str]:
    found = columns(well)
    yield "~ASCII"
    for row in zip(*(values.tolist() for values in found.values()), strict=True):
        yield " ".join(f"{_number(value):>7}" for value in row)


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}" if np.isfinite(value) else NULL


def _item(name: str, unit: str, value: str, meaning: str) -> str:
    """A header line: the colon parts value and description, so that a value holds none."""
    return _plain(f"{name:<4}.{unit:<6} {_ascii(value).replace(':', ';')} : {meaning}")


def _plain(text: str) -> str:
    return _ascii(text)[:256]


def _ascii(text: str) -> str:
    """ASCII without line breaks: anything else is escaped."""
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text)
