"""The ledger as a table: one row a tensor, by depth, one column a factor, in decades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.line import FACTORS, SPOKEN, Line
from clinometer.diagnosis.scale import settled
from clinometer.records.recording import Bool
from clinometer.reports.html.numbers import decades, plain, remainder
from clinometer.reports.ledger_text import WORTH, chosen, is_known

MOST_ROWS = 240  # of the table; the depth cursor of the log shows every tensor
LEVELS = (WORTH, 1.0, 2.0, 4.0)  # decades: a factor of 2, then 10, 100 and 10,000 lost


@dataclass(frozen=True)
class Cell:
    """One factor of one tensor: its value, how deep it is shaded (0 to 4), and whether it is blamed."""

    text: str
    level: int
    is_blamed: bool


@dataclass(frozen=True)
class Row:
    """One tensor; `before`: how many are left out above it."""

    before: int
    layer: str
    kind: str
    answer: str
    arrives: str
    moves: str
    left: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """The table: its factors in words, its rows, and what was left out of it.

    `nothing`: factors that are 0 wherever they were measured; `others`: tensors without a row.
    """

    factors: tuple[str, ...]
    rows: tuple[Row, ...]
    nothing: tuple[str, ...]
    after: int
    others: int


def table(diagnosis: Diagnosis) -> Table | None:
    """The ledger of the weights; of all tensors where there are no weights; None without a ledger."""
    late = diagnosis.late
    weights = [line for line in diagnosis.lines if line.is_weight] or list(diagnosis.lines)
    lines = [line for line in weights if is_known(line, late)]
    if not lines:
        return None
    numbers = chosen(lines, diagnosis, MOST_ROWS)
    shown = [lines[i] for i in numbers]
    before = [i - last - 1 for last, i in zip([-1, *numbers[:-1]], numbers, strict=True)]
    have = [name for name in FACTORS if any(name in line.factors for line in shown)]
    nothing = [name for name in have if _is_nothing(name, shown, late)]
    factors = [name for name in have if name not in nothing]
    return Table(
        factors=tuple(SPOKEN.get(name, name) for name in factors),
        rows=tuple(
            _row(line, factors, diagnosis, gap) for line, gap in zip(shown, before, strict=True)
        ),
        nothing=tuple(SPOKEN.get(name, name) for name in nothing),
        after=len(lines) - 1 - numbers[-1],
        others=len(diagnosis.lines) - len(lines),
    )


def _is_nothing(factor: str, lines: Sequence[Line], late: Bool) -> bool:
    return all(
        decades(settled(line.factors[factor], late)) == decades(0.0)
        for line in lines
        if factor in line.factors
    )


def _row(line: Line, factors: Sequence[str], diagnosis: Diagnosis, before: int) -> Row:
    late = diagnosis.late
    total = settled(line.total, late)
    left = total - sum(settled(values, late) for values in line.factors.values())
    lost, blamed = line.shortfall(late), line.blame(late)[0]
    answer = diagnosis.answers.get(line.parameter)
    return Row(
        before=before,
        layer=line.layer,
        kind=line.kind,
        answer=answer.word if answer is not None else "",
        arrives=decades(settled(line.arriving, late)),
        moves=decades(total),
        left=remainder(left),
        cells=tuple(
            Cell(
                decades(settled(line.factors[name], late)) if name in line.factors else "",
                level(lost.get(name, math.nan)),
                name == blamed and level(lost.get(name, math.nan)) > 0,
            )
            for name in factors
        ),
    )


def level(lost: float) -> int:
    """How deep a shortfall is shaded: 0 for less than a factor of 2, 4 for 4 decades and more.

    >>> level(0.1), level(1.5), level(math.inf), level(math.nan)
    (0, 2, 4, 0)
    """
    return 0 if math.isnan(lost) else sum(lost >= least for least in LEVELS)


def account(line: Line, diagnosis: Diagnosis) -> list[object]:
    """One tensor for the page's script: name, answer, arrives, moves, left, [[factor, value, level]]."""
    late = diagnosis.late
    values = {name: settled(factor, late) for name, factor in line.factors.items()}
    total, lost = settled(line.total, late), line.shortfall(late)
    answer = diagnosis.answers.get(line.parameter)
    return [
        line.parameter,
        answer.word if answer is not None else "",
        plain(settled(line.arriving, late)),
        plain(total),
        remainder(total - sum(values.values())),
        [
            [FACTORS.index(name), plain(value), level(lost[name])]
            for name, value in values.items()
            if name in FACTORS
        ],
    ]
