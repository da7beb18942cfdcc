"""The run's state by its loss alone: learning, learned, stuck, diverged or undecided."""

from __future__ import annotations

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.margins import MARGIN, MOSTLY, NOISE, SURE


def state(seen: Course) -> str:
    """The run's state by its loss: learning, learned, stuck, diverged or undecided.

    "Stuck" needs the no-information level: a flat loss alone may be a task that is done.
    """
    if seen.bad_step is not None:
        return "diverged"
    return state_while_finite(seen)


def state_while_finite(seen: Course) -> str:
    """The same of the part of the run before its loss became NaN or infinite."""
    if _overshot(seen):
        return "diverged"
    if seen.last is None or np.isnan(seen.doubt):
        return "undecided"
    sure = seen.learned - SURE * seen.doubt
    if seen.no_information is not None and sure >= MOSTLY:
        return "learned"
    if seen.falling:
        return "learning"
    if seen.no_information is not None and (seen.learned < MARGIN or _guesses(seen)):
        return "stuck"
    return "undecided"


def _guesses(seen: Course) -> bool:
    """Whether a loss a little below the level is noise learned by heart: no label is told better by it.

    Balanced classes only: of rare ones the network may know much before it dares to name any.
    """
    if seen.right is None or seen.guess is None or not seen.judged or seen.learned >= NOISE:
        return False
    noise = SURE * float(np.sqrt(seen.guess * (1 - seen.guess) / seen.judged))
    return bool("ln " in seen.named and seen.right <= seen.guess + noise)


def _overshot(seen: Course) -> bool:
    """Whether the loss ended above where it began by more than there was to learn."""
    if seen.first is None or seen.last is None or np.isnan(seen.error):
        return False
    worse = seen.last - max(seen.first, seen.reference or seen.first)
    noise = SURE * float(np.hypot(seen.error, seen.scatter))
    if seen.no_information is None:  # a loss of another kind may rise, as a generator's does
        return worse > max(noise, (1 / MARGIN - 1) * abs(seen.first))
    return worse > max(noise, abs(seen.no_information))
