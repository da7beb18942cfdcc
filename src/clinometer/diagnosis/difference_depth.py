"""Layers of two runs on one depth axis."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

ABSENT = -1


def matched(one: Sequence[str], other: Sequence[str]) -> list[tuple[str, int, int]]:
    """(name, its number in one, its number in the other) by depth; `ABSENT` where it is not in it.

    Both keep their order of execution.

    >>> matched(["a", "b", "d"], ["a", "c", "d"])
    [('a', 0, 0), ('b', 1, -1), ('c', -1, 1), ('d', 2, 2)]
    """
    found: list[tuple[str, int, int]] = []
    for what, i, i_end, j, j_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if what == "equal":
            found += [(one[i + k], i + k, j + k) for k in range(i_end - i)]
        else:
            found += [(one[k], k, ABSENT) for k in range(i, i_end)]
            found += [(other[k], ABSENT, k) for k in range(j, j_end)]
    return found
