"""Lost steps: the optimizer asks for a step, and rounding throws it away.

Sees      Parameters of which, through most of the run, more than half of the elements that had a step to
          make kept every stored bit.
Matters   weight + step == weight in the stored format: those elements stand still, however long the run.
Not this  Steps that are lost because the run has learned or its learning rate was taken to 0 at the end;
          weights in float32, under bfloat16 autocast or not: steps that float32 would lose as well are
          too small, or die on the way (their own rules speak), and are not badly stored.
Limits    lost: half of the movable elements, exact bit comparison. A step is certainly lost below
          2^-(p+1) of its weight: 2.0e-3 in bfloat16, 2.4e-4 in float16, 3.0e-8 in float32.
Source    Zamirai et al. (2020), arXiv 2010.06192; pytorch/ao#1124.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.severity import HALF
from clinometer.diagnosis.updates import Update
from clinometer.theory.floats import FLOATS

RULE = Rule(
    code="FLOW301",
    name="lost-steps",
    reads=("updates", "course", "state"),
    limits={"lost": 0.5},
    remedies=("fp32-master-weights", "stochastic-rounding", "kahan-summation", "raise-rate"),
    blame=17,
    explains=("FLOW302", "FLOW502", "FLOW201"),
)


@RULE.check
def check(
    updates: list[Update], course: Course, state: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each weight whose steps are lost."""
    severity = _severity(state, course)
    for update in updates:
        lost = update.lost[~np.isnan(update.lost)]
        asked = update.intended[np.isfinite(update.intended)]
        known = FLOATS.get(update.dtype)
        if not len(lost) or known is None or not update.is_matrix:
            continue
        if known.significand_bits >= FLOATS["float32"].significand_bits:
            continue
        share = float(np.median(lost))
        typical = float(np.median(asked)) if len(asked) else float("nan")
        if share < limits["lost"] or not typical >= FLOATS["float32"].certainly_lost_below:
            continue
        yield Sign(
            layer=update.layer,
            cause="rounding survival",
            size=share,
            evidence=(
                Evidence("lost steps", share, limits["lost"], "of the movable elements", len(lost)),
                Evidence("step asked for", typical, known.certainly_lost_below, "of the weight",
                         len(asked)),
            ),
            explanation=(
                f"{share:.0%} of the steps of {update.name} change no bit: they are "
                f"{typical:.1e} of the weight, and {update.dtype} rounds away what is below "
                f"{known.certainly_lost_below:.1e} of it."
            ),
            severity=severity,
        )  # fmt: skip


def _severity(state: str, course: Course) -> str:
    if state in {"stuck", "diverged"}:
        return "error"
    if state == "learned" or course.learned >= HALF:
        return "note"
    return "warning"
