"""What `clinometer doctor` prints: what is here, what to do about it, and what is observed when.

A line is a list of (text, style of rich), so that it can be shown plainly where rich is missing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from clinometer.records.check import Check
from clinometer.records.coverage import Situation

Line = list[tuple[str, str]]

WIDTH = 80
NAME = 15  # columns of a check's name
LEVEL = 14  # columns of a level of observation
MARKS = {
    "good": ("ok", "green"),
    "absent": ("-", "dim"),
    "note": ("!", "yellow"),
    "bad": ("BAD", "red"),
}
STYLES = {"observed": "green", "partly": "yellow", "not observed": "red"}


def checks_lines(title: str, checks: Iterable[Check]) -> list[Line]:
    """What was found, a line or more a check, and its advice below."""
    lines: list[Line] = [[(title, "bold")]]
    for check in checks:
        mark, style = MARKS[check.state]
        found, *rest = _wrapped(check.found, 5 + NAME)
        lines.append([(f"{mark:5}", style), (f"{check.name:{NAME}}{found}", "")])
        lines += [_indented(5 + NAME, text, "") for text in rest]
        lines += [_indented(5 + NAME, text, "italic") for text in _wrapped(check.advice, 5 + NAME)]
    return [*lines, []]


def verdict_lines(bad: list[Check]) -> list[Line]:
    """Whether recording works here, and what to do next."""
    if not bad:
        return [[("Recording works here. Next: clinometer run your_script.py", "")]]
    lines: list[Line] = [[("Recording would not work here.", "bold red")]]
    for check in bad:
        told = f"{check.name}: {check.found}. {check.advice}"
        lines += [_indented(2, text, "") for text in _wrapped(told, 2)]
    return lines


def coverage_lines(topics: Mapping[str, tuple[Situation, ...]]) -> list[Line]:
    """Situation, what of it is observed, why, and the test that shows it."""
    wide = WIDTH - 2 * LEVEL
    lines: list[Line] = []
    for topic, situations in topics.items():
        heads = f"{topic:{wide}}{'layers':{LEVEL}}parameters"
        lines += [[(heads, "bold")]]
        for situation in situations:
            of_layers, of_parameters = situation.layers, situation.parameters
            lines.append(
                [
                    (f"  {situation.name:{wide - 2}}", ""),
                    (f"{of_layers:{LEVEL}}", STYLES[of_layers]),
                    (of_parameters, STYLES[of_parameters]),
                ]
            )
            lines += [_indented(4, text, "") for text in _wrapped(situation.why, 4)]
            lines += [_indented(4, text, "dim") for text in _wrapped(situation.test, 4)]
        lines.append([])
    return lines


def plain(line: Line) -> str:
    """A line without its styles."""
    return "".join(text for text, _ in line).rstrip()


def _indented(columns: int, text: str, style: str) -> Line:
    return [(" " * columns, ""), (text, style)]


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH - indent, break_on_hyphens=False)
