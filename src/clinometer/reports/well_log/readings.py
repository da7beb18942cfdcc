"""Curves by depth: the recording's columns and the ledger's totals, averaged over a window.

Nothing is worked out here that a diagnosis has: gains are those of its `decades`, means its `settled`.
"""

from __future__ import annotations

import math

import numpy as np

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.line import Line
from clinometer.diagnosis.paths import plain
from clinometer.diagnosis.scale import columns, over, settled
from clinometer.records.columns import names
from clinometer.records.recording import Bool, Float64, Recording
from clinometer.theory.floats import FLOATS

GAIN_OF_ROLE = {"activation": "slope", "weight": "weight_gain"}
COUNTS = {
    "gradient": ("nonfinite_grad",),
    "activation": ("nonfinite_out",),
}


@np.errstate(all="ignore")
def readings(diagnosis: Diagnosis, window: Bool) -> dict[str, Float64]:
    """By name, float64 (places,): see `Well.read`."""
    recording = diagnosis.recording
    return (
        _of_calls(recording, window) | _of_units(recording, window) | _of_tensors(diagnosis, window)
    )


def _of_calls(recording: Recording, window: Bool) -> dict[str, Float64]:
    """Sizes at each place, and its gain by the factor that it counts to [decades]."""
    calls = recording.of_kind("call")
    entering, leaving, out = columns(
        recording, "call", "grad_out_rms", "grad_in_rms", "out_rms"
    ).values()
    gain = _means(over(leaving, entering), window)
    roles = [GAIN_OF_ROLE.get(str(call.facts.get("role")), "other_gain") for call in calls]
    found = {
        name: np.where([role == name for role in roles], gain, np.nan)
        for name in ("slope", "weight_gain", "other_gain")
    }
    return found | {"gradient": _means(entering, window), "activation": _means(out, window)}


def _means(values: Float64, window: Bool) -> Float64:
    return np.array([settled(_finite_or_zero(row), window) for row in values], dtype=np.float64)


def _finite_or_zero(row: Float64) -> Float64:
    """An infinite size is no number that a mean could hold: it is marked, and counted apart."""
    return np.where(np.isposinf(row), np.nan, row)


def _of_units(recording: Recording, window: Bool) -> dict[str, Float64]:
    """Shares of saturated and dead units at each activation.

    Saturated is the mean over the window; dead, which itself speaks of a longer window, the median.
    """
    at = {site.name: i for i, site in enumerate(recording.of_kind("activation"))}
    places = [at.get(call.name, -1) for call in recording.of_kind("call")]
    known = {
        "saturated": _over(recording.column("activation", "saturated")[window], np.mean),
        "dead": _over(recording.column("activation", "dead")[window], np.median),
    }
    return {
        name: np.array([values[i] if i >= 0 else np.nan for i in places], dtype=np.float64)
        for name, values in known.items()
    }


def _over(values: Float64, mean: object) -> Float64:
    """Mean or median of each column over what was measured; nan where nothing was."""
    assert callable(mean)
    return np.array(
        [mean(column[~np.isnan(column)]) if np.any(~np.isnan(column)) else np.nan
         for column in values.T], dtype=np.float64,
    )  # fmt: skip


def _of_tensors(diagnosis: Diagnosis, window: Bool) -> dict[str, Float64]:
    """Motion of the first tensor of each module, at the first call of it.

    The ledger lists a module's main weight first; where it has none (a normalisation), its first tensor.
    """
    recording = diagnosis.recording
    tensors = {site.name: i for i, site in enumerate(recording.of_kind("parameter"))}
    lost = _over(recording.column("parameter", "lost")[window], np.mean)
    dtypes = [site.facts.get("dtype") for site in recording.of_kind("parameter")]
    found: dict[str, Float64] = {
        name: np.full(len(recording.of_kind("call")), np.nan)
        for name in ("update_ratio", "rounding_limit", "lost")
    }
    for place, line in first_lines(diagnosis).items():
        found["update_ratio"][place] = settled(_finite_or_zero(line.total), window)
        if (tensor := tensors.get(line.parameter)) is not None:
            found["lost"][place] = lost[tensor]
            found["rounding_limit"][place] = rounding_limit(dtypes[tensor])
    return found


def first_lines(diagnosis: Diagnosis) -> dict[int, Line]:
    """The ledger line of the first tensor of each module, by the place where it is first called."""
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


def rounding_limit(dtype: object) -> float:
    """Update ratio below which a step is certainly lost in this format [decades]; nan if unknown.

    >>> round(10 ** rounding_limit("bfloat16"), 6)
    0.001953
    """
    known = FLOATS.get(str(dtype).removeprefix("torch."))
    return math.log10(known.certainly_lost_below) if known is not None else math.nan


def broken(diagnosis: Diagnosis, window: Bool) -> dict[str, Bool]:
    """Where NaN or Inf was seen: in the window, or in the first observation that holds any.

    The latter for a run that broke: its window ends before.
    """
    recording = diagnosis.recording
    counts = {name: counted(recording, which) for name, which in COUNTS.items()}
    first = np.zeros(len(window), dtype=bool)
    if diagnosis.course.bad_step is not None:
        anywhere = np.flatnonzero(np.any([c.any(axis=1) for c in counts.values()], axis=0))
        late = anywhere[recording.observed[anywhere] >= diagnosis.course.bad_step]
        first[late[:1]] = True
    return {name: np.asarray(c[window | first].any(axis=0)) for name, c in counts.items()}


def counted(recording: Recording, which: tuple[str, ...]) -> Bool:
    """bool (observations, places): whether any of these counts is above zero."""
    at = [names("call").index(name) for name in which]
    return np.asarray((recording.rows["call"][:, :, at] > 0).any(axis=2))
