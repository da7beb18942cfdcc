"""Output and loss do not match: the loss expects something else than the network's output.

Sees      The operations between the last layer and the loss: a softmax or a sigmoid before a loss that
          applies one itself; probabilities or plain logits where log-probabilities are expected; a
          ReLU before a loss on logits; a sigmoid or softmax before a squared error (a note, unless the run
          is stuck).
Matters   A softmax twice can never be sure: the loss cannot fall below ln(1 + (K-1)/e), and the gradient is
          squeezed by the second slope. A likelihood of what is no probability has no minimum.
Not this  A log-softmax before cross-entropy, which changes nothing; log(softmax(x)) before NLLLoss; a
          squared error behind a sigmoid that learns.
Limits    none: the order of operations is a fact.
Source    Bishop (1995), Neural Networks for Pattern Recognition, 6.6 to 6.9 (matching losses).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.course import Course
from clinometer.diagnosis.output import MISMATCHES, Output
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW404",
    name="output-loss-mismatch",
    reads=("outputs", "course", "state", "fault", "symptom"),
    limits={},
    remedies=("logits-with-matching-loss",),
    blame=3,
    explains=("FLOW502", "FLOW201", "FLOW302", "FLOW101", "FLOW102", "FLOW501", "FLOW303"),
)  # fmt: skip


@RULE.check
def check(
    outputs: list[Output],
    course: Course,
    state: str,
    fault: str,
    symptom: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each output whose loss does not match."""
    for output in outputs:
        for words, what, remedy, certain in MISMATCHES:
            place = output.where(*words)
            if place is None:
                continue
            yield Sign(
                layer=place,
                cause="output and loss do not match",
                size=1.0,
                evidence=(Evidence(" -> ".join(words), 1.0, 0.0, "times", 1),),
                explanation=f"After layer {output.layer}, {what}: {remedy}.",
                severity=fault if certain else symptom,
            )
            break
        else:
            if "nll" in output.steps and not {"log_softmax", "log", "logsigmoid"} & set(
                output.steps
            ):
                yield _no_likelihood(output, fault)


def _no_likelihood(output: Output, fault: str) -> Sign:
    return Sign(
        layer=output.layer,
        cause="output and loss do not match",
        size=1.0,
        evidence=(Evidence("log-softmax before NLLLoss", 0.0, 1.0, "times", 1),),
        explanation=(
            f"The output of layer {output.layer} goes to NLLLoss without a log-softmax: the loss has "
            "no lower bound. Use cross-entropy on the logits."
        ),
        severity=fault,
    )
