"""Overconfident: on evaluated rows the network is surer than it is right.

Sees      An evaluation pass whose loss one temperature above 1 lowers, beyond doubt, by more than 1 % of
          what stays.
Matters   Its probabilities cannot be used as they are; the loss reads like overfitting where the labels
          are told as well as ever. Dividing the logits by that temperature moves no decision.
Not this  A temperature that differs from 1 by chance, or at a cost that nobody would notice.
Limits    cost: 1 % of the loss that stays, the margin of practical equivalence of `compare`. grave: half of
          it, and 5 % of ln K (learnable: what is not learned of labels without information); below that it is
          a note. sure: likelihood ratio and interval, three standard errors and 95 %.
Source    Guo et al. (2017), ICML, PMLR 70; Cox (1958), Biometrika 45; Berta et al. (2025), arXiv
          2501.19195.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.margins import MARGIN, NOISE
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.validation import Validation, claim, in_words

RULE = Rule(
    code="CONF201",
    name="overconfident",
    reads=("validation",),
    limits={"cost": MARGIN, "grave": 0.5, "learnable": NOISE},
    remedies=("fit-temperature", "weight-decay", "smooth-labels"),
    blame=72,
    explains=("CONF301", "CONF203"),
)


@RULE.check
def check(validation: Validation, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign where the latest pass is overconfident, at a cost that counts."""
    made = claim(validation.last)
    if made is None or not made.sure or made.value < 1 or made.share < limits["cost"]:
        return
    fit = validation.last.fit
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
        explanation=f"Overconfident on evaluated rows: {in_words(validation.last, made)}",
        severity="warning" if made.is_grave(limits["grave"], limits["learnable"]) else "note",
    )
