"""Step too large: single steps are as large as the weights that they change.

Sees      A run that does not learn, or is worse than a constant guess, with a step of a weight matrix
          larger than the weight itself, or steps of a tenth of the weight and more through the last
          quarter of the run.
Matters   Such a step replaces the weight by the noise of one batch; units die, saturate or overflow.
Not this  A network that is saturated before its first step; weights that start near 0 and must grow; a
          large first step in a run that learns (then a note); any learning rate as such: only the step
          against its weight counts; numbers that stop being finite before such steps had gone as far as the
          weight is large, and before the loss had grown: a divergence grows, a slope of NaN does not.
Limits    once: 1, the weight's own size. late: 0.1; ten such steps go as far as the weight is large.
Source    Goh (2017), Distill, "Why momentum really works"; Cohen et al. (2021), ICLR.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.quantities import Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.updates import Update
from clinometer.theory.initial import usual_scales

RULE = Rule(
    code="FLOW303",
    name="step-too-large",
    reads=("updates", "late", "saturated_at_start", "course", "symptom", "suspect"),
    limits={"once": 1.0, "late": 0.1},
    remedies=("lower-rate", "warm-up", "clip-gradient"),
    blame=14,
    explains=(
        "FLOW102", "FLOW101", "FLOW103", "FLOW104", "FLOW501", "FLOW502", "FLOW503",
        "FLOW201",
    ),
)  # fmt: skip


@RULE.check
def check(
    updates: list[Update],
    late: Bool,
    saturated_at_start: list[str],
    course: Course,
    symptom: str,
    suspect: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each weight matrix with such steps."""
    if saturated_at_start:
        return  # it did not take a step to get there
    thrown = course.learned < 0  # a loss that falls from where such a step threw it is not learned
    for update in updates:
        if not update.is_matrix or not update.first > 0.5 * min(
            usual_scales(update.shape).values()
        ):
            continue
        known = np.isfinite(update.ratio)
        if not known.any():
            continue
        largest = float(update.ratio[known].max())
        last = update.ratio[known & late]
        typical = float(np.median(last)) if len(last) else float("nan")
        lasting = typical >= limits["late"] and _went_far(course, typical, limits["once"])
        if largest < limits["once"] and not lasting:
            continue
        yield Sign(
            layer=update.layer,
            cause="optimizer gain",
            size=float(np.log10(max(largest, 1e-30))),
            evidence=(
                Evidence(
                    "largest step", largest, limits["once"], "of the weight", int(known.sum())
                ),
                Evidence("late step, median", typical, limits["late"], "of the weight", len(last)),
            ),
            explanation=(
                f"Steps of {update.name} are as large as {largest:.2g} times the weight itself (late in "
                f"the run {typical:.2g}): each replaces what was learned by the noise of one batch."
            ),
            severity=suspect if thrown else symptom,
        )


def _went_far(course: Course, typical: float, whole: float) -> bool:
    """Whether steps of `typical` of the weight had time to do harm: always in a run that stays finite.

    Else they went as far as the weight is large, or the loss grew by as much as there was to lose.
    """
    if course.bad_step is None:
        return True
    return typical * course.bad_step >= whole or course.learned <= -whole
