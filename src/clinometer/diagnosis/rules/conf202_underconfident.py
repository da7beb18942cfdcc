"""Underconfident: on evaluated rows the network is right more often than it says.

Sees      An evaluation pass whose loss one temperature below 1 lowers, beyond doubt, by more than 1 % of
          what stays.
Matters   Its probabilities say less than it knows. Most often it is still learning, its labels are
          smoothed, or a softmax or a penalty holds its logits down.
Not this  A pass in which every row is right: there no temperature is best. A pass over training rows, which
          every network that is not done yet tells better than it says. Smoothed labels, which ask for it.
Limits    cost: 1 % of the loss that stays. grave: half of it, and 5 % of ln K (learnable), and the run
          no longer just learning; else a note.
Source    Cox (1958), Biometrika 45; Van Calster et al. (2019), BMC Medicine 17:230.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.margins import MARGIN, NOISE
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.validation import Validation, claim, in_words
from clinometer.records.recording import Recording

RULE = Rule(
    code="CONF202",
    name="underconfident",
    reads=("recording", "validation", "state"),
    limits={"cost": MARGIN, "grave": 0.5, "learnable": NOISE},
    remedies=("fit-temperature", "logits-with-matching-loss"),
    blame=73,
)


@RULE.check
def check(
    recording: Recording, validation: Validation, state: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield a sign where the latest pass is underconfident, at a cost that counts."""
    made = claim(validation.last)
    if made is None or not made.sure or made.value > 1 or made.share < limits["cost"]:
        return
    fit, facts = validation.last.fit, [site.facts for site in recording.of_kind("loss")]
    smoothed = any(one.get("label_smoothing") or one.get("soft") for one in facts)
    grave = (
        made.is_grave(limits["grave"], limits["learnable"]) and state != "learning" and not smoothed
    )
    yield Sign(
        layer="",
        cause="scale",
        size=made.share,
        evidence=(
            Evidence("temperature", made.value, 1.0, "-", fit.rows),
            Evidence(
                "cost of scale", made.share, limits["cost"], "of the loss that stays", fit.rows
            ),
            Evidence("mean confidence", fit.confidence, fit.accuracy, "-", fit.rows),
        ),
        explanation=f"Underconfident on evaluated rows: {in_words(validation.last, made)}",
        severity="warning" if grave else "note",
    )
