"""The difference of two runs as text: in words first, then verdicts, then layers."""

from __future__ import annotations

from clinometer.diagnosis.diagnosis import Diagnosis
from clinometer.diagnosis.difference_result import Change, Difference
from clinometer.diagnosis.line import SPOKEN
from clinometer.reports.layout import counted, cut, short, some, wrapped

WIDTH = 80
MOST_CHANGES, MOST_LAYERS, MOST_NAMES = 6, 4, 5
LEGEND = (
    "Decades, the second run less the first (-1: a tenth). A change is half a decade or more, clear of the "
    "spread of what was observed before it, and lasts. The earliest is first: later ones may follow from it."
)


def difference_text(difference: Difference, width: int = WIDTH) -> str:
    """The report: plain text, at most `width` columns wide."""
    parts = [
        "\n".join(wrapped(difference.because, width)),
        _runs(difference, width),
        _changes(difference, width),
        _zero(difference, width),
        _rest(difference, width),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _runs(difference: Difference, width: int) -> str:
    lines = []
    for place, one in (("first", difference.first), ("second", difference.second)):
        lines += wrapped(f"{place:<7} {_run(one)}", width, " " * 8)
    if difference.parted is None:
        lines += wrapped("Their losses are the same bit for bit, as far as both go.", width)
    else:
        lines += wrapped(f"Their losses differ from step {difference.parted:,} on.", width)
    return "\n".join(lines)


def _run(diagnosis: Diagnosis) -> str:
    recording, course = diagnosis.recording, diagnosis.course
    loss = ""
    if course.first is not None and course.last is not None:
        loss = f", loss {course.first:.4g} to {course.last:.4g}"
    return f"{diagnosis.verdict}: {short(recording.path, 40)}, {counted(recording.steps, 'step')}{loss}"


def _changes(difference: Difference, width: int) -> str:
    if not difference.changes:
        return ""
    lines = [f"{'Factor':<22}{'layers':>9}{'from step':>11}{'median':>8}  where (decades)"]
    lines += [cut(_change(change), width) for change in difference.changes[:MOST_CHANGES]]
    if more := len(difference.changes) - MOST_CHANGES:
        lines += [f"  ... {counted(more, 'more factor')} (--json lists them)"] if more > 0 else []
    return "\n".join([*lines, *wrapped(LEGEND, width, "  ")])


def _change(change: Change) -> str:
    worst = sorted(change.where, key=lambda one: -abs(one.decades))[:MOST_LAYERS]
    told = ", ".join(f"{short(one.layer, 14)} {one.decades:+.1f}" for one in worst)
    name = SPOKEN.get(change.factor, change.factor)
    layers = f"{len(change.where)} of {change.of}"
    return f"{name:<22}{layers:>9}{change.from_step:>11,}{change.decades:>+8.1f}  {told}"


def _zero(difference: Difference, width: int) -> str:
    lines = [
        line
        for layer, factor, run, step in difference.zero[:MOST_CHANGES]
        for line in wrapped(
            f"Exactly zero in run {run} only: {SPOKEN.get(factor, factor)} at layer {layer}, from observed "
            f"step {step:,} on.",
            width,
            "  ",
        )
    ]
    return "\n".join(lines)


def _rest(difference: Difference, width: int) -> str:
    lines = []
    for place, names in (("first", difference.only_first), ("second", difference.only_second)):
        if names:
            lines += wrapped(
                f"Only in the {place} run, not compared: {some(names, MOST_NAMES)}.", width
            )
    if difference.steps:
        compared = (
            f"Compared: {counted(difference.layers, 'layer')}, {counted(len(difference.factors), 'factor')}, "
            f"{counted(len(difference.steps), 'observation')} from step {difference.steps[0]:,} to "
            f"{difference.steps[-1]:,}."
        )
        lines += wrapped(compared, width)
    return "\n".join(lines)
