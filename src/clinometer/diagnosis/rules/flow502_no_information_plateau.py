"""Plateau at the no-information level: the loss is that of the best constant guess.

Sees      A loss that, late in the run, is within 1 % of what the label frequencies alone would give
          (ln K for K balanced classes, the variance of a regression target), and does not fall.
Matters   The network knows how often each label occurs and nothing of the inputs.
Not this  The start of a run, where every classifier begins at this level; a loss that falls.
Limits    learned: 1 % of the no-information level, with the loss's own noise beside it.
Source    Gneiting & Raftery (2007), JASA 102(477): entropy of a proper score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.margins import MARGIN
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign

RULE = Rule(
    code="FLOW502",
    name="no-information-plateau",
    reads=("course", "state"),
    limits={"learned": MARGIN},
    remedies=("raise-rate", "standardise-input", "scale-init", "change-activation"),
    blame=90,
)


@RULE.check
def check(course: Course, state: str, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign where the run is stuck at the level of a constant guess."""
    if course.no_information is None:
        raise NotJudged(f"the no-information level is not known: {course.named}")
    if state != "stuck" or course.last is None:
        return
    known = "the class frequencies" if "variance" not in course.named else "the target's mean"
    what = f"the network knows {known} and nothing else"
    if course.learned < -limits["learned"]:
        what = "a constant guess would do better"
    elif course.learned >= limits["learned"]:
        what = (
            f"what is below it is noise: {course.right:.1%} of the labels are told, as by a guess"
        )
    yield Sign(
        layer="",
        cause="no information",
        size=0.0,
        evidence=(
            Evidence("loss", course.last, course.no_information, "nat or unit^2", course.steps),
            Evidence("learned", course.learned, limits["learned"], "of the no-information level",
                     course.steps),
        ),
        explanation=(
            f"The loss is {course.last:.4g}, the no-information level {course.no_information:.4g} "
            f"({course.named}): {what}."
        ),
    )  # fmt: skip
