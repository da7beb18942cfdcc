"""Lay packed rows out as one cube for each kind of site, whatever version packed them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from clinometer.records.columns import names
from clinometer.records.recording import Float32, Int64
from clinometer.records.site import Site

TOGETHER = 256  # rows that are unpacked at a time


def starts(sites: Sequence[Site], columns: dict[str, list[str]]) -> list[int]:
    """Where each site's columns begin in a packed row, and where the row ends."""
    widths = [len(columns.get(site.kind, ())) for site in sites]
    return [0, *itertools.accumulate(widths)]


def places(sites: Sequence[Site], columns: dict[str, list[str]], kind: str) -> Int64:
    """(columns, sites of the kind): where in a row each number lies; -1 where it is not recorded."""
    begin = starts(sites, columns)
    known = columns.get(kind, [])
    offsets = [known.index(name) if name in known else None for name in names(kind)]
    table = [
        [-1 if offset is None else begin[i] + offset for i, s in enumerate(sites) if s.kind == kind]
        for offset in offsets
    ]
    return np.array(table, dtype=np.int64)


def cubes(packed: list[bytes], where: dict[str, Int64], width: int) -> dict[str, Float32]:
    """Float32 (observations, sites, columns) for each kind; nan where a number was not recorded.

    A column's numbers lie side by side, so that taking one costs no pass over the cube. The rows in
    `packed` may be shorter than `width`: sites that came later are missing in them.
    """
    shapes = {kind: (place.shape[0], len(packed), place.shape[1]) for kind, place in where.items()}
    built = {kind: np.empty(shape, dtype=np.float32) for kind, shape in shapes.items()}
    for first in range(0, len(packed), TOGETHER):
        table = _unpacked(packed[first : first + TOGETHER], width)
        for kind, place in where.items():
            for i in range(len(place)):
                built[kind][i, first : first + TOGETHER] = table[:, place[i]]
    for cube in built.values():
        if len(cube):
            np.nan_to_num(cube[0], copy=False, nan=0.0)  # `seen`: a site not yet known
    return {kind: cube.transpose(1, 2, 0) for kind, cube in built.items()}


def _unpacked(rows: list[bytes], width: int) -> Float32:
    """(rows, width + 1); the last column is nan, for what has no place."""
    table = np.full((len(rows), width + 1), np.nan, dtype=np.float32)
    lengths = {len(row) for row in rows}
    for length in lengths:
        same = [i for i, row in enumerate(rows) if len(row) == length]
        values = np.frombuffer(b"".join(rows[i] for i in same), dtype="<f4")
        table[same, : length // 4] = values.reshape(len(same), -1)
    return table
