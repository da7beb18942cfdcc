"""Saturated output: the output unit is flat although its examples are wrong.

Sees      A sigmoid, tanh or softmax at the output that passes on less than 1 % of the gradient, while the
          loss is no better than a constant guess.
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
from clinometer.diagnosis.quantities import PIECEWISE, Activations, Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW104",
    name="saturated-output",
    reads=("activations", "outputs", "late", "course", "state"),
    limits={"gain": -2.0, "learned": 0.01},
    remedies=("logits-with-matching-loss", "scale-init"),
    blame=19,
    explains=("FLOW302", "FLOW502", "FLOW201", "FLOW101", "FLOW301", "FLOW404"),
)


@RULE.check
def check(
    activations: Activations,
    outputs: list[Output],
    late: Bool,
    course: Course,
    state: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each output activation that is flat although it is wrong."""
    if any(output.mismatched for output in outputs):
        return  # output-loss-mismatch says why
    if state != "stuck" or course.last is None or course.learned >= limits["learned"]:
        return
    for i, name in enumerate(activations.names):
        if not activations.output[i] or activations.kinds[i] in PIECEWISE:
            continue  # a ReLU without a slope is dead, not saturated
        gain = settled(activations.gain[:, i], late)
        flat = activations.saturated[late, i]
        flat = flat[~np.isnan(flat)]
        if not gain <= limits["gain"]:
            continue
        passed = "exactly nothing" if np.isneginf(gain) else f"{10**gain:.1e}"
        yield Sign(
            layer=name,
            cause="loss end",
            size=-gain,
            evidence=(
                Evidence("gain", gain, limits["gain"], "decades", int(late.sum())),
                Evidence("loss", course.last, course.no_information, "nat or unit^2", course.steps),
                Evidence("saturated", float(flat.mean()) if len(flat) else float("nan"), None,
                         "of units x examples", len(flat)),
            ),
            explanation=(
                f"The output {name} ({activations.kinds[i]}) is flat although it is wrong: the loss is "
                f"{course.last:.3g}, and {passed} of its gradient passes through the output's slope. "
                "The gradient is small, but not because the examples are right."
            ),
        )  # fmt: skip
