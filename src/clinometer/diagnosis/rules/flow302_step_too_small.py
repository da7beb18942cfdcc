"""Step too small: over the whole run the weights hardly move.

Sees      A run whose loss stays where it began, in which every weight matrix has travelled, all steps added
          up, less than 1 % of its own size, while gradients reach it.
Matters   The path length bounds how far the weights can be from where they started: nothing was learned
          because nothing was changed.
Not this  Wide networks, which learn with small relative motion (their loss falls); runs that have learned;
          gradients that are lost on the way (their own rules speak, and lead); runs in which no
          optimizer ever stepped.
Limits    path: 1 %, what this project takes as practically nothing.
Source    Chizat et al. (2019), NeurIPS, on lazy training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.updates import Update

RULE = Rule(
    code="FLOW302",
    name="step-too-small",
    reads=("updates", "motion", "course", "symptom"),
    limits={"path": 0.01},
    remedies=("raise-rate", "change-optimizer", "smaller-epsilon"),
    blame=18,
    explains=("FLOW502",),
)


@RULE.check
def check(
    updates: list[Update],
    motion: Mapping[str, float],
    course: Course,
    symptom: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for the weight that travelled farthest, if even that is next to nothing."""
    moved = {
        u.name: motion[u.name] for u in updates if u.is_matrix and u.first > 0 and u.name in motion
    }
    if not moved or symptom == "note":
        return
    farthest = max(moved, key=lambda name: moved[name])
    if not moved[farthest] < limits["path"]:
        return
    update = next(u for u in updates if u.name == farthest)
    if not np.nanmax(update.gradient, initial=0.0) > 0:
        return
    rate = update.rate[~np.isnan(update.rate)]
    if not len(rate) and not moved[farthest] > 0:
        return  # no optimizer made a step that could have been too small
    yield Sign(
        layer=update.layer,
        cause="optimizer gain",
        size=-float(np.log10(max(moved[farthest], 1e-30) / limits["path"])),
        evidence=(
            Evidence("path of the weight that moved most", moved[farthest], limits["path"],
                     "of its size", course.steps),
            Evidence("learning rate, median", float(np.median(rate)) if len(rate) else float("nan"),
                     None, "-", len(rate)),
        ),
        explanation=(
            f"In {course.steps} steps no weight travelled farther than {moved[farthest]:.1e} of its own "
            f"size ({farthest}): the steps are too small to change anything"
            + (f" (learning rate {np.median(rate):.2g})." if len(rate) else ".")
        ),
        severity=symptom,
    )  # fmt: skip
