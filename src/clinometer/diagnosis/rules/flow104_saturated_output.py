"""Saturated output: the output unit is flat although its examples are wrong.

Sees      A sigmoid or tanh at the output that passes on less than 1 % of the gradient, while the loss is no
          better than a constant guess; or that was flat for most examples before a squared error has taught
          it anything.
Matters   With a squared error nothing cancels the flat slope, so that a wrong point far out has no gradient:
          dC/dh = 2 (p - y) p (1 - p) -> 0. The network is wrong and cannot learn that it is.
Not this  A flat output on examples that are right (the gradient is small because of it); cross-entropy,
          whose gradient at the logit is p - y.
Limits    gain: -2 decades, 1 %: as everywhere here practically nothing.
Source    Golik et al. (2013), Interspeech; the chapter's model B with exchanged labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.ledger import settled
from clinometer.diagnosis.output import Output
from clinometer.diagnosis.quantities import MOST, PIECEWISE, Activations, Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW104",
    name="saturated-output",
    reads=("activations", "outputs", "late", "course", "state", "symptom", "suspect"),
    limits={"gain": -2.0, "learned": 0.01},
    remedies=("logits-with-matching-loss", "linear-output", "scale-init"),
    blame=19,
    explains=("FLOW302", "FLOW502", "FLOW201", "FLOW101", "FLOW301", "FLOW404", "FLOW206"),
)


@RULE.check
def check(
    activations: Activations,
    outputs: list[Output],
    late: Bool,
    course: Course,
    state: str,
    symptom: str,
    suspect: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each output activation that is flat although it is wrong."""
    if any(output.mismatched for output in outputs):
        return  # output-loss-mismatch says why
    wrong = state == "stuck" and course.last is not None and course.learned < limits["learned"]
    loss = course.last if course.last is not None else float("nan")
    squared = any("mse" in output.steps for output in outputs)
    for i, name in enumerate(activations.names):
        if not activations.output[i] or activations.kinds[i] in PIECEWISE:
            continue  # a ReLU without a slope is dead, not saturated
        from_start = squared and _flat_at_start(activations, i)
        if not wrong and not from_start:
            continue
        gain = settled(activations.gain[:, i], late)
        flat = activations.saturated[late, i]
        flat = flat[~np.isnan(flat)]
        if not gain <= limits["gain"] and not from_start:
            continue
        passed = "exactly nothing" if np.isneginf(gain) else f"{10**gain:.1e}"
        yield Sign(
            layer=name,
            cause="loss end",
            size=-gain,
            evidence=(
                Evidence("gain", gain, limits["gain"], "decades", int(late.sum())),
                Evidence("loss", loss, course.no_information, "nat or unit^2", course.steps),
                Evidence("saturated", float(flat.mean()) if len(flat) else float("nan"), None,
                         "of units x examples", len(flat)),
            ),
            explanation=(
                f"The output {name} ({activations.kinds[i]}) is flat although it is wrong: the loss is "
                f"{loss:.3g}, and {passed} of its gradient passes through the output's slope. "
                "The gradient is small, but not because the examples are right."
            ),
            severity=symptom if wrong else suspect,
        )  # fmt: skip


def _flat_at_start(activations: Activations, i: int) -> bool:
    """Whether most examples lay in the flat part at the first observation, when nothing was learned."""
    known = activations.saturated[:, i]
    known = known[~np.isnan(known)]
    return len(known) > 0 and bool(known[0] > MOST)
