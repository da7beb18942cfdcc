"""Decades: logarithms of ratios, where a signal that is exactly 0 and one that was not seen stay apart."""

from __future__ import annotations

import numpy as np

from clinometer.records.columns import names
from clinometer.records.recording import Bool, Float64, Recording

TOGETHER = 32  # sites whose rows are turned around at a time: they fit in the cache


def decades(part: Float64, whole: Float64) -> Float64:
    """log10(part / whole): -inf where the part is 0; nan where the whole is 0, or either is nan."""
    return over(log10(part), log10(whole))


def log10(values: Float64) -> Float64:
    """log10 of sizes: -inf where they are 0, nan where they are not known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(np.asarray(values, np.float64))


def over(part: Float64, whole: Float64) -> Float64:
    """Decades of part / whole from the decades of each; nothing can be told over a whole of 0."""
    with np.errstate(invalid="ignore"):
        found = np.asarray(part - whole)
    if not np.isfinite(found).all():
        found[np.isposinf(found)] = np.nan
    return found


def added(one: Float64, other: Float64) -> Float64:
    """Sum of decades: a signal that is exactly 0 at one place is 0 whatever follows, measured or not."""
    with np.errstate(invalid="ignore"):
        found = np.asarray(one + other)
    if np.isfinite(found).all():
        return found
    found[np.isneginf(one) | np.isneginf(other)] = -np.inf
    return found


def settled(values: Float64, late: Bool) -> float:
    """Mean of decades over the late observations; -inf where the signal was 0 in most of them.

    Means of logarithms keep the ledger additive. Observations in which the value was not measured
    are left out; nan where that is all of them.
    """
    chosen = values[late]
    total = float(chosen.sum()) if len(chosen) else float("nan")
    if np.isfinite(total):
        return total / len(chosen)
    chosen = chosen[~np.isnan(chosen)]
    if not len(chosen):
        return float("nan")
    if np.mean(np.isneginf(chosen)) >= 0.5:
        return float("-inf")
    return float(np.mean(chosen[~np.isneginf(chosen)]))


def median(values: Float64) -> float:
    """Median of the values that are known; nan where none is."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan")
    middle = len(known) // 2
    if len(known) % 2:
        return float(np.partition(known, middle)[middle])
    low, high = np.partition(known, [middle - 1, middle])[middle - 1 : middle + 1]
    return float(low) if low == high else float((low + high) / 2)


def columns(recording: Recording, kind: str, *which: str) -> dict[str, Float64]:
    """{name: decades, float64 (sites, observations)} of columns, taken from the recording in one go.

    Faster by far than one column after the other: a recording keeps all columns of a site together.
    """
    rows = recording.rows[kind]
    at = [names(kind).index(name) for name in which]
    found = np.empty((len(at), rows.shape[1], rows.shape[0]))
    for first in range(0, rows.shape[1], TOGETHER):
        few = slice(first, first + TOGETHER)
        found[:, few] = rows[:, few][:, :, at].transpose(2, 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.log10(found, out=found)
    return dict(zip(which, found, strict=True))
