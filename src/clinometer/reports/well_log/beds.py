"""Beds: a layer that weighs its input and what follows it, up to the next such layer.

A quantity is read at one place of a bed (the update ratio at its weight, the saturation at its
activation) and stands for the whole of it, as one reading of a tool does for a bed of rock. Across beds
nothing is filled in: what was not measured there stays a gap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clinometer.records.recording import Float64, Int64

OPENS = frozenset({"linear", "convolution", "embedding", "recurrent"})


def beds(kinds: Sequence[str]) -> Int64:
    """int64 (places,): number of the bed of each place, from 0 downwards.

    >>> beds(["normalisation", "linear", "activation", "linear"])
    array([0, 1, 1, 2])
    """
    opens = np.array([kind in OPENS for kind in kinds], dtype=np.int64)
    if len(opens):
        opens[0] = 1
    return np.asarray(np.cumsum(opens) - 1, dtype=np.int64)


def spread(values: Float64, bed: Int64, *, upwards: bool = False) -> Float64:
    """Readings carried on within their bed: down to the next reading, then up to the bed's top.

    Parameters
    ----------
    values : float64 (places,); nan where nothing was read
    bed : int64 (places,)
    upwards : up first, as an activation's reading also speaks for the places above it

    >>> spread(np.array([np.nan, 0.5, np.nan, np.nan]), np.array([0, 0, 0, 1]))
    array([0.5, 0.5, 0.5, nan])
    """
    if upwards:
        return spread(values[::-1], bed[::-1])[::-1]
    return _carried(_carried(values, bed)[::-1], bed[::-1])[::-1]


def _carried(values: Float64, bed: Int64) -> Float64:
    """Each gap takes the nearest reading before it, of the same bed."""
    at = np.where(np.isnan(values), -1, np.arange(len(values)))
    at = np.maximum.accumulate(at) if len(at) else at
    known = (at >= 0) & (bed[at] == bed)
    return np.where(known, values[at], np.nan)
