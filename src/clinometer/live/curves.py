"""The curves of the log by depth, at the steps that are shown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.line import Line
from clinometer.diagnosis.paths import plain
from clinometer.diagnosis.scale import columns, over, settled
from clinometer.records.columns import names
from clinometer.records.recording import Bool, Float64, Int64, Recording
from clinometer.theory.floats import FLOATS

Float32 = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

# Shares from 0 to 1, and decades: gradient entering backwards, output, update ratio, gain backwards.
CURVES = ("saturated", "dead", "gradient", "activation", "update_ratio", "gain")
_COUNTS = ("nonfinite_grad", "nonfinite_out")


def lines_of(diagnosis: Diagnosis) -> dict[int, Line]:
    """The ledger line that stands for each place, by its number: the first tensor of its module.

    A module that is called several times has it at its first call.
    """
    first: dict[str, int] = {}
    for i, call in enumerate(diagnosis.recording.of_kind("call")):
        first.setdefault(call.name, i)
        first.setdefault(plain(call.name), i)
    found: dict[int, Line] = {}
    for line in diagnosis.lines:
        owner = line.layer if line.is_weight else line.parameter.rpartition(".")[0]
        if (place := first.get(owner)) is not None:
            found.setdefault(place, line)
    return found


def places(diagnosis: Diagnosis, lines: dict[int, Line]) -> list[dict[str, Any]]:
    """Each place in order of execution: name, class, role, its line's number, its rounding limit."""
    recording = diagnosis.recording
    number = {place: i for i, place in enumerate(lines)}
    dtypes = {site.name: site.facts.get("dtype") for site in recording.of_kind("parameter")}
    return [
        {
            "name": call.name,
            "class": str(call.facts.get("class", "")),
            "role": str(call.facts.get("role", "other")),
            "line": number.get(i),
            "rounding": _rounding(dtypes.get(lines[i].parameter)) if i in lines else None,
        }
        for i, call in enumerate(recording.of_kind("call"))
    ]


def _rounding(dtype: object) -> float | None:
    """Update ratio below which a step is certainly lost in this format [decades]; None if unknown."""
    known = FLOATS.get(str(dtype).removeprefix("torch."))
    return None if known is None else math.log10(known.certainly_lost_below)


def curves(diagnosis: Diagnosis, chosen: Int64) -> tuple[Float32, Bool]:
    """(float32 (frames + 1, curves, places), bool (frames + 1, places): NaN or Inf was seen).

    The last frame is the mean over the end of the run, as the ledger's (`diagnosis.late`).
    """
    recording, late = diagnosis.recording, diagnosis.late
    entering, leaving, out = columns(
        recording, "call", "grad_out_rms", "grad_in_rms", "out_rms"
    ).values()
    by_place = {"gradient": entering, "activation": out, "gain": over(leaving, entering)}
    by_place["update_ratio"] = _update_ratios(diagnosis)
    by_place |= _shares(recording)
    many = len(recording.of_kind("call"))
    log = np.full((len(chosen) + 1, len(CURVES), many), np.nan, np.float32)
    for i, name in enumerate(CURVES):
        values = by_place[name]
        log[:-1, i] = values[:, chosen].T
        log[-1, i] = [settled(_finite_or_zero(row), late) for row in values]
    return log, _broken(diagnosis, chosen)


def _finite_or_zero(row: Float64) -> Float64:
    """An infinite size is no number that a mean could hold: it is marked apart."""
    return np.where(np.isposinf(row), np.nan, row)


def _update_ratios(diagnosis: Diagnosis) -> Float64:
    """float64 (places, observations): the ledger's totals [decades]."""
    recording = diagnosis.recording
    found = np.full((len(recording.of_kind("call")), len(recording.observed)), np.nan)
    for place, line in lines_of(diagnosis).items():
        found[place] = line.total
    return found


def _shares(recording: Recording) -> dict[str, Float64]:
    """float64 (places, observations) of saturated and dead units, at the activations."""
    at = {site.name: i for i, site in enumerate(recording.of_kind("activation"))}
    calls = recording.of_kind("call")
    found: dict[str, Float64] = {}
    for name in ("saturated", "dead"):
        values = recording.column("activation", name)
        found[name] = np.full((len(calls), len(recording.observed)), np.nan)
        for place, call in enumerate(calls):
            if call.name in at:
                found[name][place] = values[:, at[call.name]]
    return found


def _broken(diagnosis: Diagnosis, chosen: Int64) -> Bool:
    """The last frame's also tells the first observation that holds any: a run that broke ends before."""
    recording, bad_step = diagnosis.recording, diagnosis.course.bad_step
    at = [names("call").index(name) for name in _COUNTS]
    seen: Bool = np.asarray(np.any(recording.rows["call"][:, :, at] > 0, axis=2))
    end: Bool = diagnosis.late.copy()
    if bad_step is not None:
        end[np.flatnonzero(seen.any(axis=1) & (recording.observed >= bad_step))[:1]] = True
    return np.concatenate([seen[chosen], np.asarray(seen[end].any(axis=0))[None]])
