"""One word for one model's claims: pure logic on records that are already counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clinometer.calibration.claims import Record
from clinometer.calibration.groups import Group
from clinometer.stats.claimed_rate import Word

Verdict = Literal["earned", "unearned", "unproven", "undecided"]
Basis = Literal["rows", "groups", "each group", "classes"]
VERDICTS: dict[Word, Verdict] = {
    "supported": "earned",
    "refuted": "unearned",
    "unproven": "unproven",
}


@dataclass(frozen=True)
class Decision:
    """The verdict, what it rests on, and the groups whose own record refutes their claim."""

    word: Verdict
    basis: Basis
    refuted_groups: tuple[str, ...] = ()


def decide(
    whole: Record,
    between: Record | None,
    groups: Sequence[Group],
    classes: Sequence[tuple[int, Record]],
) -> Decision:
    """Judge by rows where they are independent, and by whole groups where they are not.

    Parameters
    ----------
    whole : errors, every row by itself; between : with whole groups as the unit, None without groups or
        where there is one only
    classes : those whose claimed frequency is refuted

    Notes
    -----
    A few groups seldom say anything about groups in general. Where the rows refute the claim and so does
    each group that holds most of them, it is unearned on these groups all the same; where only the rows
    together refute it, the rows may merely hang together: undecided.
    """
    refuted = tuple(group.name for group in groups if group.record.word == "refuted")
    if len(groups) < 2:  # one group is all there is to know of: its rows speak for it
        if classes and whole.word != "refuted":
            return Decision("unearned", "classes")
        return Decision(VERDICTS[whole.word], "rows")
    if between is not None and between.word != "unproven":
        return Decision(VERDICTS[between.word], "groups", refuted)
    rows = sum(group.n for group in groups)
    if whole.word == "refuted":
        held = sum(group.n for group in groups if group.record.word == "refuted")
        if 2 * held > rows:
            return Decision("unearned", "each group", refuted)
        return Decision("undecided", "groups", refuted)
    return Decision("unproven", "groups", refuted)
