"""How one column of several ranks becomes one: pure arithmetic on arrays.

Arrays have the rank as their first axis; `weight` is 0 where a rank saw nothing.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from clinometer.records.recording import Float64


def first_seen(values: Float64, weight: Float64) -> Float64:
    """The value of the first rank that saw anything; rank 0's where none did.

    >>> first_seen(np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([[1.0, 0.0], [1.0, 1.0]]))
    array([1., 2.])
    """
    rank = np.argmax(weight > 0, axis=0)
    return np.asarray(np.take_along_axis(values, rank[np.newaxis], axis=0)[0])


def mean(values: Float64, weight: Float64) -> Float64:
    """Weighted mean; nan where no rank saw anything, and where one that did has nan.

    >>> mean(np.array([[1.0], [4.0]]), np.array([[2.0], [1.0]]))
    array([2.])
    """
    seen = np.where(weight > 0, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((seen * weight).sum(axis=0) / weight.sum(axis=0))


def rms(values: Float64, weight: Float64) -> Float64:
    """Root of the weighted mean of the squares."""
    return np.sqrt(mean(values**2, weight))


def root_of_sum(values: Float64, weight: Float64) -> Float64:
    """Root of the sum of the squares of the ranks that saw anything; nan where none did."""
    seen = (weight > 0).astype(np.float64)
    return np.asarray(np.sqrt(mean(values**2, seen) * seen.sum(axis=0)))


def total(values: Float64, weight: Float64) -> Float64:
    """Sum over the ranks that saw anything and counted; nan where none did."""
    counted = (weight > 0) & ~np.isnan(values)
    return np.where(counted.any(axis=0), np.where(counted, values, 0.0).sum(axis=0), np.nan)


def least(values: Float64, weight: Float64) -> Float64:
    """The least of what was measured; nan where nothing was."""
    seen = np.where(weight > 0, values, np.nan)
    return np.asarray(functools.reduce(np.fmin, seen))


CONSTANT = frozenset({"classes", "weighted", "pooled", "beta", "delta", "targets"})


def merged_labels(ranks: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts (or moments) of the targets of all ranks, added up.

    >>> a, b = ({"ce": {"counts": counts, "classes": 2}} for counts in ({"0": 3}, {"0": 1, "1": 2}))
    >>> merged_labels([a, b])
    {'ce': {'counts': {'0': 4, '1': 2}, 'classes': 2}}
    """
    names = dict.fromkeys(name for labels in ranks for name in labels)
    return {
        name: functools.reduce(_added, [labels[name] for labels in ranks if name in labels])
        for name in names
    }


def _added(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Two summaries of one loss term; only the first where they are of different shape."""
    if a.keys() != b.keys() or a.get("classes") != b.get("classes"):
        return a
    return {key: a[key] if key in CONSTANT else _sum(a[key], b[key]) for key in a} | (
        {"targets": _together(a["targets"], b["targets"])} if "targets" in a else {}
    )


def _together(a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
    """The samples of two ranks, output by output; only the first where they have other outputs."""
    return [x + y for x, y in zip(a, b, strict=True)] if len(a) == len(b) else a


def _sum(a: Any, b: Any) -> Any:
    if isinstance(a, dict):
        return {key: a.get(key, 0) + b.get(key, 0) for key in dict.fromkeys([*a, *b])}
    if isinstance(a, list):
        return [x + y for x, y in zip(a, b, strict=True)] if len(a) == len(b) else a
    return a + b


def merged_dead(ranks: list[dict[str, list[int]]]) -> dict[str, list[int]]:
    """Ids of the units that are dead on every rank that has the layer.

    >>> merged_dead([{"relu": [1, 2]}, {"relu": [2, 5], "other": [0]}])
    {'relu': [2], 'other': [0]}
    """
    names = dict.fromkeys(name for dead in ranks for name in dead)
    return {
        name: sorted(set.intersection(*[set(dead[name]) for dead in ranks if name in dead]))
        for name in names
    }
