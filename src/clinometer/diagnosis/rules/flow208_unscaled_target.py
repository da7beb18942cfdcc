"""Unscaled target: a regression whose target is far from what the network can say at first.

Sees      Targets whose root mean square is more than ten, in a run whose loss is still no better than
          guessing the target's mean, or more than half of that.
Matters   A fresh network says about 1. All of its steps go into reaching the mean, or the first gradient,
          as large as the target, throws the weights away.
Not this  Large targets that are learned all the same.
Limits    rms: 10, one decade beyond the unit scale of a fresh output. learned: less than 1 % below the
          variance of the target.
Source    LeCun et al. (1998), Efficient BackProp, section 4.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.inputs import Target
from clinometer.diagnosis.margins import MARGIN
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.severity import HALF, fault
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW208",
    name="unscaled-target",
    reads=("recording", "targets", "course", "state", "suspect"),
    limits={"rms": 10.0, "learned": MARGIN},
    remedies=("standardise-target", "lower-rate", "raise-rate"),
    blame=11,
    explains=(
        "FLOW202", "FLOW303", "FLOW501", "FLOW502", "FLOW503", "FLOW102", "FLOW302", "FLOW201",
        "FLOW104", "FLOW101",
    ),
)  # fmt: skip


@RULE.check
def check(
    recording: Recording,
    targets: list[Target],
    course: Course,
    state: str,
    suspect: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each term with such targets."""
    last = [
        call.name
        for call in recording.of_kind("call")
        if call.facts.get("output") and call.facts.get("role") == "weight"
    ]
    for target in targets:
        if target.rms < limits["rms"] or course.learned >= HALF:
            continue
        nothing = course.learned < limits["learned"]
        yield Sign(
            layer=last[0] if len(last) == 1 else "",
            cause="loss end",
            size=target.rms,
            evidence=(
                Evidence("target, RMS", target.rms, limits["rms"], "units", int(target.rows)),
                Evidence("target, standard deviation", target.deviation, None, "units",
                         int(target.rows)),
                Evidence("learned", course.learned, limits["learned"], "of the target's variance",
                         course.steps),
            ),
            explanation=(
                f"The target is not scaled: mean {target.mean:.4g}, standard deviation "
                f"{target.deviation:.4g}. A fresh network says about 1, and the loss is still "
                f"{_still(course, nothing)}."
            ),
            severity=fault(state) if nothing else suspect,
        )  # fmt: skip


def _still(course: Course, nothing: bool) -> str:
    if nothing:
        return "no better than a guess of the target's mean"
    return f"{1 - course.learned:.0%} of what a guess of the target's mean costs"
