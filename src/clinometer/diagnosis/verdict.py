"""The run's verdict, and the one sentence that says why."""

from __future__ import annotations

from collections.abc import Sequence

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.margins import MARGIN
from clinometer.diagnosis.quantities import Quantities
from clinometer.diagnosis.rule import Finding
from clinometer.diagnosis.severity import idle

WIRING = frozenset({"FLOW401", "FLOW402", "FLOW406", "FLOW408"})  # nothing can move a part of it


def verdict(quantities: Quantities, findings: Sequence[Finding]) -> str:
    """One word of DESIGN's list."""
    leading = findings[0] if findings else None
    wrong = leading is not None and leading.severity == "error"
    if leading is not None and leading.code in WIRING and wrong:
        return "not-training"
    if any(finding.code == "FLOW501" and finding.severity == "error" for finding in findings):
        return "diverged"
    if quantities.state == "undecided" and wrong and idle(quantities.course):
        return "stuck"  # where no level is known to be stuck at: it stands still, and we know why
    return quantities.state


def because(word: str, quantities: Quantities, findings: Sequence[Finding]) -> str:
    """The sentence: what the run does, and the cause that we would name if only one."""
    grave = [finding for finding in findings if finding.severity != "note"]
    cause = next((finding for finding in grave if finding.code != "FLOW502"), None)
    said = _state(word, quantities.course)
    if cause is not None:
        return f"{said} {cause.explanation}"
    if word == "stuck":
        return f"{said} No factor of the chain rule that was observed explains it."
    return said


def _state(word: str, course: Course) -> str:
    level = (
        f"no-information level {course.no_information:.4g} ({course.named})"
        if course.no_information is not None
        else ""
    )
    if word == "learned":
        right = (
            f", {course.right:.1%} of the examples are right" if course.right is not None else ""
        )
        return (
            f"Learned: the loss is {course.last:.3g} of {level}{right}; "
            "gradients are small because the examples are right."
        )
    if word == "learning":
        return f"Learning: the loss fell from {course.first:.4g} to {course.last:.4g}" + (
            f" ({level})." if level else "."
        )
    if word == "not-training":
        return "Not training: a part of the network cannot move."
    if word == "stuck" and not level:
        return f"Stuck: the loss, {course.last:.4g}, is where it began ({course.first:.4g})."
    if word == "stuck":
        if course.learned < -MARGIN:
            return (
                f"Stuck: the loss, {course.last:.4g}, does not fall and is above the {level}: a constant "
                "guess would do better."
            )
        if course.learned >= MARGIN and course.right is None:
            return f"Stuck: the loss, {course.last:.4g}, does not fall, close to the {level}."
        if course.learned >= MARGIN:
            return (
                f"Stuck: the loss, {course.last:.4g}, does not fall, and {course.right:.1%} of the labels "
                f"are told, no more than a guess would tell ({level})."
            )
        known = "the target's mean" if "variance" in course.named else "the class frequencies"
        return (
            f"Stuck: the loss, {course.last:.4g}, is at the {level} and does not fall; the network "
            f"knows {known} and nothing else."
        )
    if word == "diverged":
        return _diverged(course)
    return _undecided(course, level)


def _diverged(course: Course) -> str:
    if course.bad_step is not None:
        return f"Diverged: the loss is not finite at step {course.bad_step}."
    if course.first is not None and course.last is not None and course.last > course.first:
        return f"Diverged: the loss rose from {course.first:.4g} to {course.last:.4g}."
    return "Diverged: numbers of the network are not finite."


def _undecided(course: Course, level: str) -> str:
    if course.last is None:
        return "Undecided: no loss was seen, so nothing tells whether the network learns."
    if course.steps < 32:
        return f"Undecided: {course.steps} steps with a loss are too few to tell its trend (32 are needed)."
    if not level:
        return (
            f"Undecided: the loss no longer falls ({course.first:.4g} to {course.last:.4g}), and "
            f"the no-information level is not known ({course.named})."
        )
    return (
        f"Undecided: the loss has levelled off at {course.last:.4g}, {course.learned:.0%} below the "
        f"{level}."
    )
