"""Degenerate output: by its shape the output cannot say anything.

Sees      A softmax over a single unit, which is always 1; a cross-entropy over one class, which is always
          0; a softmax over the rows of the batch instead of over the classes.
Matters   The output does not depend on the input, or depends on which other examples are in the batch.
Not this  A softmax over the only axis of a single example; attention, whose softmax is inside.
Limits    none: a shape.
Source    definition of the softmax: one entry, e^h / e^h = 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.output import Output, Softmax
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW407",
    name="degenerate-output",
    reads=("outputs",),
    limits={"units": 1},
    remedies=("one-unit-per-class", "sigmoid-for-one-unit", "softmax-over-classes"),
    blame=2,
    explains=(
        "FLOW502", "FLOW201", "FLOW302", "FLOW104", "FLOW101", "FLOW404", "FLOW203", "FLOW102",
        "FLOW501",
    ),
)  # fmt: skip


@RULE.check
def check(outputs: list[Output], limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for each output that is degenerate."""
    for output in outputs:
        for softmax in output.softmaxes:
            what = _fault(softmax)
            if what:
                yield Sign(
                    layer=output.where("softmax") or output.layer,
                    cause="degenerate output",
                    size=float("inf"),
                    evidence=(
                        Evidence("entries of the softmax", float(softmax.size), 2.0, "units", 1),
                        Evidence("its axis", float(softmax.axis), None, f"of {softmax.axes}", 1),
                    ),
                    explanation=f"The output of layer {output.layer} {what}",
                    severity="error",
                )
                break


def _fault(softmax: Softmax) -> str:
    if softmax.size == 1:
        return (
            "goes through a softmax over a single unit, which is always exactly 1 whatever the "
            "input: use a sigmoid for one unit, or one unit for each class."
        )
    if softmax.axis == 0 and softmax.axes >= 2:
        return (
            f"goes through a softmax over axis 0, the {softmax.size} rows of the batch, instead of "
            "over the classes: each example's probability depends on the other rows."
        )
    return ""
