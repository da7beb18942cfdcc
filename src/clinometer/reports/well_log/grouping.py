"""Labels for a deep network: consecutive places by block, each block with its worst child."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clinometer.records.recording import Float64

MOST_PLACES = 90  # names of places that stand legibly under one another on the tallest log
MOST_BLOCKS = 42  # blocks that do, at two lines each
FEW = 2  # fewer than half of these would leave most of the column empty: blocks are parted


@dataclass(frozen=True)
class Block:
    """Places `first` to `last`, both included, and what they have in common."""

    name: str
    first: int
    last: int


def blocks(names: Sequence[str], most: int = MOST_BLOCKS) -> list[Block]:
    """Consecutive places under one module, as deep as `most` blocks allow.

    Where that gives few blocks because the next depth has too many, each is parted into stretches of
    its children of equal count.

    >>> [b.name for b in blocks(["stem", "a.0.x", "a.0.y", "a.1.x", "a.1.y", "head"], 4)]
    ['stem', 'a.0', 'a.1', 'head']
    >>> [b.name for b in blocks([f"net.{i}" for i in range(9)], 3)]
    ['net.0 – net.2', 'net.3 – net.5', 'net.6 – net.8']
    """
    paths = [_path(name) for name in names]
    deepest = max((len(path) for path in paths), default=0)
    depth = deepest
    while depth and len(_runs(paths, depth)) > most:
        depth -= 1
    found = _runs(paths, depth)
    if depth == deepest or len(found) * FEW >= most:
        return found
    return _parted(found, _runs(paths, depth + 1), most)


def _path(name: str) -> tuple[str, ...]:
    """The modules that a call lies in: `a.0:relu#2` lies in `a` and `a.0`."""
    return tuple(name.partition("#")[0].partition(":")[0].split("."))


def _runs(paths: Sequence[tuple[str, ...]], depth: int) -> list[Block]:
    found: list[Block] = []
    for i, path in enumerate(paths):
        name = ".".join(path[:depth])
        if found and found[-1].name == name:
            found[-1] = Block(name, found[-1].first, i)
        else:
            found.append(Block(name, i, i))
    return found


def _parted(whole: Sequence[Block], children: Sequence[Block], most: int) -> list[Block]:
    """Each block in stretches of its children, so many to a stretch that there are at most `most`."""
    of = [[c for c in children if block.first <= c.first <= block.last] for block in whole]
    size = max(1, math.ceil(len(children) / most))
    while sum(math.ceil(len(mine) / size) for mine in of) > most and size < len(children):
        size += 1
    return [_joined(mine[i : i + size]) for mine in of for i in range(0, len(mine), size)]


def _joined(stretch: Sequence[Block]) -> Block:
    first, last = stretch[0], stretch[-1]
    name = first.name if len(stretch) == 1 else f"{first.name} – {last.name}"
    return Block(name, first.first, last.last)


def worst(block: Block, gain: Float64, blamed: Sequence[int]) -> int | None:
    """The child that is shown for a block: the blamed one, else the one that hands on least.

    Parameters
    ----------
    gain : float64 (places,) [decades]; -inf hands on nothing
    blamed : places of the leading findings, the first the most

    Returns
    -------
    int or None : its place; None where no gain was measured in the block.
    """
    for place in blamed:
        if block.first <= place <= block.last:
            return place
    mine = gain[block.first : block.last + 1]
    return block.first + int(np.nanargmin(mine)) if not np.isnan(mine).all() else None
