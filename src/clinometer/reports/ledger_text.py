"""The ledger in words: by depth, how much of the gradient arrives at each layer, and what took it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from clinometer.diagnosis.answers import DISCONNECTED
from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.line import SPOKEN, Line
from clinometer.diagnosis.scale import settled
from clinometer.records.recording import Bool
from clinometer.reports.layout import counted, short, some, wrapped

MOST_LINES = 12  # of a network's ledger, with those that say how many are left out
MOST_WELL = 6  # of a network that learns
WORTH = 0.3  # decades: a factor of 2; less is not named
NUMBERS = (("arrives", 9), ("moves", 8), ("left", 7))
LEGEND = (
    "In decades (-2: a hundredth). arrives: gradient here over that at the logits; moves: step over "
    "weight; left: what the account leaves open; lost to: how far each factor falls short."
)


def ledger_text(diagnosis: Diagnosis, width: int) -> str:
    """The table; "" where there is no ledger."""
    late = diagnosis.late
    weights = [line for line in diagnosis.lines if line.is_weight] or list(diagnosis.lines)
    lines = [line for line in weights if is_known(line, late)]
    if not lines:
        return "\n".join(_disconnected(diagnosis, width))
    well = diagnosis.verdict in {"learning", "learned"}
    rows = chosen(lines, diagnosis, MOST_WELL if well else MOST_LINES)
    names = [_name(lines[i], width * 2 // 5) for i in rows]
    name_width = max(map(len, names)) + 1
    numbers = "".join(f"{head:>{size}}" for head, size in NUMBERS)
    table = [
        "Ledger: where the gradient of each weight goes, by depth",
        "",
        f"{'  layer':<{name_width + 2}}{numbers}  lost to",
    ]
    for before, i, name in zip([-1, *rows[:-1]], rows, names, strict=True):
        table += _gap(i - before - 1)
        row = f"  {name:<{name_width}}{_numbers(lines[i], late)}  {_word(lines[i], diagnosis)}"
        table.append(row + fitting(lost_to(lines[i], late), width - len(row)))
    if others := len(diagnosis.lines) - len(lines):
        table.append(f"  {counted(others, 'other tensor')} (--json lists them)")
    return "\n".join([*table, *wrapped(LEGEND, width, "  "), *_disconnected(diagnosis, width)])


def _gap(many: int) -> list[str]:
    return [f"  ... {counted(many, 'layer')} between ..."] if many else []


def chosen(lines: Sequence[Line], diagnosis: Diagnosis, most: int) -> list[int]:
    """Which lines are shown: the ends, those that findings name, then those that lost most."""
    if len(lines) <= most:
        return list(range(len(lines)))
    rows = {0, len(lines) - 1}
    for i in _by_blame(lines, diagnosis):
        if _height(rows | {i}) <= most:
            rows.add(i)
    return sorted(rows)


def _height(rows: set[int]) -> int:
    """Lines that these rows take, with one for each gap."""
    return len(rows) + sum(b - a > 1 for a, b in pairwise(sorted(rows)))


def _by_blame(lines: Sequence[Line], diagnosis: Diagnosis) -> list[int]:
    named = [finding.layer for finding in diagnosis.findings if finding.severity != "note"]
    rank = {name: place for place, name in reversed(list(enumerate(named)))}

    def order(i: int) -> tuple[int, float, int]:
        blamed = lines[i].blame(diagnosis.late)[1]
        return rank.get(lines[i].layer, len(rank)), -_known(blamed), i

    return sorted(range(len(lines)), key=order)


def _known(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _name(line: Line, width: int) -> str:
    """Layer and class; the class gives way where both are too long."""
    full = f"{line.layer} {line.kind}"
    return full if len(full) < width else short(line.layer, width)


def is_known(line: Line, late: Bool) -> bool:
    """Whether anything was measured of a line late in the run."""
    return not (math.isnan(settled(line.total, late)) and math.isnan(settled(line.arriving, late)))


def _numbers(line: Line, late: Bool) -> str:
    total = settled(line.total, late)
    left = total - sum(settled(values, late) for values in line.factors.values())
    return f"{_cell(settled(line.arriving, late), 9)}{_cell(total, 8)}{_left(left)}"


def _word(line: Line, diagnosis: Diagnosis) -> str:
    answer = diagnosis.answers.get(line.parameter)
    return f"{answer.word}: " if answer is not None else ""


def lost_to(line: Line, late: Bool) -> list[str]:
    """The factors that fall short of their reference by more than `WORTH`, the worst first."""
    shortfall = line.shortfall(late)
    worst = sorted(shortfall, key=lambda name: -_known(shortfall[name]))
    return [
        f"{SPOKEN.get(name, name).removesuffix(' gain')} "
        f"{'all' if math.isinf(shortfall[name]) else f'{shortfall[name]:.1f}'}"
        for name in worst
        if _known(shortfall[name]) >= WORTH
    ]


def fitting(items: Sequence[str], width: int) -> str:
    """As many of the items as the width holds.

    >>> fitting(["activation 5.0", "weight 0.9"], 20)
    'activation 5.0'
    """
    told = ""
    for item in items:
        longer = f"{told}, {item}" if told else item
        if len(longer) > width:
            break
        told = longer
    return told or "-"


def _cell(value: float, width: int) -> str:
    if math.isnan(value):
        return f"{'?':>{width}}"
    return f"{'zero':>{width}}" if math.isinf(value) else f"{value + 0.0:>{width}.2f}"


def _left(value: float) -> str:
    width = NUMBERS[-1][1]
    return f"{'?':>{width}}" if not math.isfinite(value) else f"{abs(value):>{width}.0e}"


def _disconnected(diagnosis: Diagnosis, width: int) -> list[str]:
    """Tensors that nothing can reach or move, by the reason."""
    by_why: dict[str, list[str]] = {}
    for answer in diagnosis.answers.values():
        if answer.word == DISCONNECTED:
            by_why.setdefault(answer.why, []).append(answer.parameter)
    return [
        line
        for why, names in by_why.items()
        for line in wrapped(f"Disconnected ({why}): {some(names, 4)}.", width, "    ", "  ")
    ]
