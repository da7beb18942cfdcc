"""Merge the rows of several ranks, column by column, as `columns.py` says."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from clinometer.records.columns import COLUMNS, STEP, Column, names
from clinometer.records.recording import Bool, Float32, Float64, Int64, Recording
from clinometer.records.site import Site
from clinometer.store.pooling import first_seen, least, mean, rms, root_of_sum, total

DIFFER = 1e-3  # relative difference from which a gradient that should be the same is named
WEIGHTS = ("examples", "queries")  # columns that say how much a rank saw, where a kind has one
Rule = Callable[[Float64, Float64], Float64]
RULES: dict[str, Rule] = {
    "same": first_seen,
    "sum": total,
    "mean": mean,
    "rms": rms,
    "gradient": rms,
    "reach": root_of_sum,
    "least": least,
}


def merged_scalars(parts: Sequence[Recording]) -> tuple[Int64, dict[str, Float64]]:
    """(steps that every rank has, their scalars); ranks count alike where they saw a loss."""
    step = functools.reduce(np.intersect1d, [part.step for part in parts])
    at = [np.searchsorted(part.step, step) for part in parts]
    seen = np.stack([p.loss_seen[i] for p, i in zip(parts, at, strict=True)]).astype(np.float64)
    scalars = {}
    for column in STEP:
        values = np.stack([p.scalars[column.name][i] for p, i in zip(parts, at, strict=True)])
        alone = column.merge == "same"
        scalars[column.name] = values[0] if alone else RULES[column.merge](values, seen)
    return step, scalars


def union_of_sites(parts: Sequence[Recording]) -> tuple[Site, ...]:
    """Sites of all ranks by kind and name, rank 0's first, numbered anew."""
    every: dict[tuple[str, str], Site] = {}
    for part in parts:
        for site in part.sites:
            every.setdefault((site.kind, site.name), site)
    return tuple(
        Site(index, site.kind, site.name, site.facts) for index, site in enumerate(every.values())
    )


def merged_rows(
    parts: Sequence[Recording],
    observed: Int64,
    sites: Sequence[Site],
    divide: int,
    notes: list[str],
) -> dict[str, Float32]:
    """Cube of each kind. Gradients of a rank's own loss are divided by `divide`."""
    rows: dict[str, Float32] = {}
    for kind, columns in COLUMNS.items():
        places = [site for site in sites if site.kind == kind]
        stack = np.stack([_placed(part, kind, places, observed) for part in parts])
        if kind == "parameter":
            notes += _unlike(stack, places)
        weight = _weight(stack, kind)
        merged: Float32 = np.empty(stack.shape[1:], dtype=np.float32, order="F")
        for i, column in enumerate(columns):
            scale = divide if column.merge in ("gradient", "reach") else 1
            merged[:, :, i] = RULES[column.merge](stack[..., i] / scale, weight)
        split = np.array([bool(site.facts.get("sharded")) for site in places], dtype=bool)
        if kind == "parameter" and split.any():
            merged[:, split] = _pooled_shards(stack[:, :, split])
        rows[kind] = merged
    return rows


def _placed(part: Recording, kind: str, places: Sequence[Site], observed: Int64) -> Float64:
    """Float64 (observations, places, columns) of one rank; `seen` is 0 where it lacks a site."""
    cube = np.full((len(observed), len(places), len(COLUMNS[kind])), np.nan)
    cube[:, :, 0] = 0.0
    own = {site.name: i for i, site in enumerate(part.of_kind(kind))}
    to = [i for i, place in enumerate(places) if place.name in own]
    at = np.searchsorted(part.observed, observed)
    cube[:, to] = part.rows[kind][at][:, [own[places[i].name] for i in to]]
    return cube


def _weight(stack: Float64, kind: str) -> Float64:
    """(ranks, observations, places): how much each rank saw; 0 where it saw nothing."""
    seen = stack[..., 0] > 0
    known = names(kind)
    column = next((known.index(name) for name in WEIGHTS if name in known), None)
    if column is None:
        return seen.astype(np.float64)
    examples = np.nan_to_num(stack[..., column], nan=1.0)
    return np.where(seen, examples, 0.0)


def _pooled_shards(stack: Float64) -> Float64:
    """Rows of parameters that each rank holds a part of: means over all elements of all parts."""
    known = names("parameter")
    sampled = np.where(stack[..., 0] > 0, np.nan_to_num(stack[..., known.index("sampled")]), 0.0)
    merged = np.empty(stack.shape[1:])
    for i, column in enumerate(COLUMNS["parameter"]):
        rule, weight = _rule_of_shards(column), sampled
        if column.name == "lost":
            weight = sampled * np.nan_to_num(stack[..., known.index("movable")])
        merged[..., i] = rule(stack[..., i], weight)
    return merged


def _rule_of_shards(column: Column) -> Rule:
    if column.name.endswith("_rms"):
        return rms
    if column.unit == "elements":
        return total
    return mean if column.unit == "share" else first_seen


def _unlike(stack: Float64, places: Sequence[Site]) -> list[str]:
    """A note on the parameters whose gradient should be the same on every rank, and is not."""
    if len(stack) < 2:
        return []
    gradient = np.where(stack[..., 0] > 0, stack[..., names("parameter").index("grad_rms")], np.nan)
    high, low = functools.reduce(np.fmax, gradient), functools.reduce(np.fmin, gradient)
    with np.errstate(invalid="ignore"):
        differ: Bool = (high - low > DIFFER * high).any(axis=0)
    unlike = [
        p.name for p, bad in zip(places, differ, strict=True) if bad and not p.facts.get("sharded")
    ]
    if not unlike:
        return []
    more = f" and {len(unlike) - 3} more" if len(unlike) > 3 else ""
    return [f"ranks disagree on the gradient of {', '.join(unlike[:3])}{more}; rank 0's is shown"]
