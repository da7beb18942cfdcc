"""`clinometer.diff`: two runs on one depth axis, which factor changed, and from which step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.difference_depth import ABSENT, matched
from clinometer.diagnosis.difference_result import Change, Difference, Where
from clinometer.diagnosis.line import FACTORS, Line
from clinometer.records.recording import Float64, Int64, Recording
from clinometer.stats.change import lasting_shift

# Decades: a factor of 3. Networks of other seeds differ by less, `benchmarks/difference.py`.
WORTH = 0.5


@dataclass(frozen=True)
class _Pair:
    """One layer's line in both runs."""

    one: Line
    other: Line


def diff(one: Recording | Diagnosis, other: Recording | Diagnosis) -> Difference:
    """Hold the ledger of one run against that of another, layer by layer.

    Parameters
    ----------
    one, other : recordings, or their diagnoses where there are some already

    Returns
    -------
    Difference : the factors that changed, earliest first, each with its layers, its size in decades (the
        second run less the first) and the observed step it begins at; verdicts; layers of one run only.

    Notes
    -----
    Layers are matched by name in order of execution. Of each factor of each layer the difference is taken
    at the observed steps of the first run, the second interpolated between its own. `stats.change` says
    what counts as a change: half a decade or more, clear of the earlier observations' spread, lasting.
    """
    first = diagnose(one) if isinstance(one, Recording) else one
    second = diagnose(other) if isinstance(other, Recording) else other
    pairs, only_first, only_second = _paired(_lines(first), _lines(second))
    steps = _common(first.recording, second.recording)
    found: dict[str, list[Where]] = {}
    compared: set[str] = set()
    for pair in pairs:
        for factor in FACTORS:
            values = _values(pair, factor, first.recording, second.recording, steps)
            if values is None:
                continue
            compared.add(factor)
            known = np.isfinite(values)
            shift = lasting_shift(values[known], WORTH)
            if shift is not None:
                at = int(steps[known][shift.at])
                where = Where(
                    pair.one.layer, pair.one.kind, at, shift.at == 0, shift.size, shift.spread
                )
                found.setdefault(factor, []).append(where)
    changes = [_change(factor, where, len(pairs)) for factor, where in found.items()]
    changes.sort(key=lambda change: (change.from_step, -abs(change.decades)))
    return Difference(
        first=first,
        second=second,
        changes=tuple(changes),
        steps=tuple(int(step) for step in steps),
        layers=len(pairs),
        only_first=only_first,
        only_second=only_second,
        factors=tuple(factor for factor in FACTORS if factor in compared),
        zero=tuple(_zeros(pairs, first.recording, second.recording)),
        parted=parted(first.recording, second.recording),
    )


def _lines(diagnosis: Diagnosis) -> list[Line]:
    weights = [line for line in diagnosis.lines if line.is_weight]
    return weights or list(diagnosis.lines)


def _paired(
    first: Sequence[Line], second: Sequence[Line]
) -> tuple[list[_Pair], tuple[str, ...], tuple[str, ...]]:
    rows = matched([line.layer for line in first], [line.layer for line in second])
    pairs = [_Pair(first[i], second[j]) for _, i, j in rows if ABSENT not in (i, j)]
    only_first = tuple(name for name, _, j in rows if j == ABSENT)
    return pairs, only_first, tuple(name for name, i, _ in rows if i == ABSENT)


def _common(one: Recording, other: Recording) -> Int64:
    """Observed steps of the first run within those of the second."""
    if not len(one.observed) or not len(other.observed):
        return np.zeros(0, np.int64)
    inside = (one.observed >= other.observed[0]) & (one.observed <= other.observed[-1])
    return np.asarray(one.observed[inside])


def _values(
    pair: _Pair, factor: str, one: Recording, other: Recording, steps: Int64
) -> Float64 | None:
    """Second less first at the common steps [decades]; nan where either is not known or is zero."""
    here, there = pair.one.factors.get(factor), pair.other.factors.get(factor)
    if here is None or there is None:
        return None
    good = np.isfinite(there)
    if not good.any() or not len(steps):
        return None
    told = np.interp(steps, other.observed[good], there[good], left=np.nan, right=np.nan)
    found = np.asarray(told - here[np.searchsorted(one.observed, steps)])
    return found if np.isfinite(found).any() else None


def _change(factor: str, where: Sequence[Where], layers: int) -> Change:
    worst = max(where, key=lambda one: abs(one.decades))
    earliest = min(one.from_step for one in where)
    return Change(
        factor=factor,
        worst=worst,
        where=tuple(where),
        of=layers,
        from_step=earliest,
        from_start=any(one.from_start for one in where if one.from_step == earliest),
        decades=median(one.decades for one in where),
    )


def _zeros(
    pairs: Sequence[_Pair], one: Recording, other: Recording
) -> list[tuple[str, str, int, int]]:
    """(layer, factor, run, step): a factor that is exactly zero from some step on in one run only."""
    found = []
    for pair in pairs:
        for factor in FACTORS:
            here, there = pair.one.factors.get(factor), pair.other.factors.get(factor)
            if here is None or there is None:
                continue
            begun = [_gone(here, one.observed), _gone(there, other.observed)]
            for run in (0, 1):
                step = begun[run]
                if step is not None and begun[1 - run] is None:
                    found.append((pair.one.layer, factor, run + 1, step))
    return found


def _gone(values: Float64, observed: Int64) -> int | None:
    """The step from which a signal is exactly zero until the end."""
    known = ~np.isnan(values)
    zero = np.isneginf(values[known])
    if not len(zero) or not zero[-1]:
        return None
    alive = np.flatnonzero(~zero)
    return int(observed[known][alive[-1] + 1 if len(alive) else 0])


def parted(one: Recording, other: Recording) -> int | None:
    """The first step whose losses are not the same bit for bit; None where all common ones are."""
    steps, at, there = np.intersect1d(one.step, other.step, return_indices=True)
    here, beyond = one.loss[at], other.loss[there]
    apart = ~((here == beyond) | (np.isnan(here) & np.isnan(beyond)))
    return int(steps[apart][0]) if apart.any() else None
