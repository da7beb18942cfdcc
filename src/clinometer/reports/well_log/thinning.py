"""What is drawn where there are more places than a sheet has lines: of each stretch, the worst.

A stretch of neighbouring places becomes one: its curve stands at the worst reading, and a pale band from
the least to the greatest shows the others. Of the factor pair both readings are those of one place, the one
that hands on least, so that the gap between them is that place's own gain.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clinometer.records.recording import Float64, Int64
from clinometer.reports.well_log.well import Well

MOST = 360  # stretches: 30 to the inch on the tallest log, about as fine as its lines are wide
GREATEST = frozenset({"saturated", "dead"})  # the more the worse
MIDDLE = frozenset({"activation"})  # neither large nor small is worse
PAIRED = ("slope", "weight_gain")
UNBANDED = (*PAIRED, "other_gain")  # a band would hide the shading of the crossover


@dataclass(frozen=True)
class Drawing:
    """Curves as they are drawn.

    Attributes
    ----------
    edges : float64 (stretches + 1,): depths between the stretches
    line : by name, float64 (stretches,)
    least, greatest : the band around a line, by name; none where a stretch is one place
    """

    edges: Float64
    line: dict[str, Float64]
    least: dict[str, Float64]
    greatest: dict[str, Float64]


def drawing(well: Well, most: int = MOST) -> Drawing:
    """The curves of a well in at most `most` stretches."""
    count = len(well)
    if count <= most:
        return Drawing(np.arange(count + 1, dtype=np.float64) - 0.5, well.drawn, {}, {})
    starts = starts_of(count, most)
    parts = stretches(starts)
    least = {name: _reduced(values, starts, np.fmin) for name, values in well.drawn.items()}
    greatest = {name: _reduced(values, starts, np.fmax) for name, values in well.drawn.items()}
    line = {name: (greatest if name in GREATEST else least)[name] for name in well.drawn}
    line |= {name: _medians(well.drawn[name], parts) for name in MIDDLE}
    at = _least_handed_on(well, parts)
    for name in PAIRED:
        line[name] = well.drawn[name][at]
    for name in UNBANDED:
        del least[name], greatest[name]
    return Drawing(starts.astype(np.float64) - 0.5, line, least, greatest)


def stretches(starts: Int64) -> list[slice]:
    """The places of each stretch."""
    return [slice(int(a), int(b)) for a, b in pairwise(starts)]


def starts_of(count: int, most: int) -> Int64:
    """int64 (stretches + 1,): first place of each of at most `most` stretches, then `count`."""
    return np.unique(np.linspace(0, count, min(count, most) + 1).astype(np.int64))


def _reduced(values: Float64, starts: Int64, which: np.ufunc) -> Float64:
    """The least or greatest of what is finite in each stretch; nan where nothing is.

    Exact zeros and infinities have marks of their own.
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    return np.asarray(which.reduceat(finite, starts[:-1]), dtype=np.float64)


def _medians(values: Float64, parts: list[slice]) -> Float64:
    known = [values[part][np.isfinite(values[part])] for part in parts]
    return np.array([np.median(mine) if len(mine) else np.nan for mine in known], dtype=np.float64)


def _least_handed_on(well: Well, parts: list[slice]) -> Int64:
    """Of each stretch the place whose slope and weight gain multiply to the least."""
    slope, weight = (well.drawn[name] for name in PAIRED)
    both = np.where(np.isnan(weight), np.inf, weight) + np.where(np.isnan(slope), 0, slope)
    both = np.where(np.isnan(both), -np.inf, both)  # nothing passes, over a gain that is not known
    return np.array([part.start + int(np.argmin(both[part])) for part in parts], dtype=np.int64)
