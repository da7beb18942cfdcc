"""Two wells on one depth axis: places of the same name lie at the same depth."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from clinometer.reports.well_log.well import ABSENT, Well


def matched(one: Sequence[str], other: Sequence[str]) -> list[tuple[str, int, int]]:
    """(name, its number in one, its number in the other) by depth; `ABSENT` where it is not in it.

    Both keep their order of execution. What only one has stands where it runs.

    >>> matched(["a", "b", "d"], ["a", "c", "d"])
    [('a', 0, 0), ('b', 1, -1), ('c', -1, 1), ('d', 2, 2)]
    """
    found: list[tuple[str, int, int]] = []
    pairs = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    for what, i, i_end, j, j_end in pairs:
        if what == "equal":
            found += [(one[i + k], i + k, j + k) for k in range(i_end - i)]
        else:
            found += [(one[k], k, ABSENT) for k in range(i, i_end)]
            found += [(other[k], ABSENT, k) for k in range(j, j_end)]
    return found


def side_by_side(one: Well, other: Well) -> list[Well]:
    """Both wells on the depths of both."""
    rows = matched(one.names, other.names)
    names = tuple(name for name, *_ in rows)
    places = np.array([[i, j] for _, i, j in rows], dtype=np.int64).reshape(-1, 2)
    return [one.on(names, places[:, 0]), other.on(names, places[:, 1])]
