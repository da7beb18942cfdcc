"""How grave a sign is, told from what the run does: the same number can be harmless or deadly.

A symptom (a saturated unit, a faded gradient) matters only where the run does not learn. A fault (a
layer without an optimizer) is a fault even in a run that learns in spite of it.
"""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.margins import MARGIN, SURE
from clinometer.diagnosis.state import state_while_finite

GRAVITY = {"error": 0, "warning": 1, "note": 2}
HALF = 0.5  # who has taken up most of what there is to learn is held back by something else first


def symptom(state: str, course: Course) -> str:
    """Severity of something that harms only where nothing is learned."""
    if state == "diverged" and state_while_finite(course) in {"learning", "learned"}:
        return "note"  # it did no harm until the numbers broke
    if state in {"stuck", "diverged"}:
        return "error"
    return "warning" if state == "undecided" and idle(course) else "note"


def suspect(state: str, course: Course) -> str:
    """Severity of something that slows learning down from its first step.

    As a symptom; but a run that still learns, and has not come half of the way, is held back by it.
    """
    if state == "learning" and course.learned < HALF:
        return "warning"
    return symptom(state, course)


def fault(state: str) -> str:
    """Severity of something that is wrong whatever the run does."""
    return "warning" if state in {"learning", "learned"} else "error"


def idle(course: Course) -> bool:
    """Whether a run that has levelled off has learned next to nothing, as far as can be told.

    Where the no-information level is known: less than half of what there is to learn. Elsewhere: the
    loss is where it began, beyond doubt; a run too short for an error bar is not called idle.
    """
    if course.last is None or course.first is None or np.isnan(course.error):
        return False
    if course.no_information is not None:
        return bool(course.learned < HALF)
    return bool(course.first - course.last <= max(SURE * course.error, MARGIN * abs(course.first)))


def worse(one: str, other: str) -> str:
    """The graver of two severities."""
    return min(one, other, key=GRAVITY.__getitem__)
