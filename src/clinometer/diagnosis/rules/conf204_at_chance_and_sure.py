"""At chance and sure: evaluated rows are told no better than by a guess, with a confidence far above that.

Sees      An evaluation pass whose share of right rows is that of the most frequent label, while the mean
          confidence is more than half of the way from there to certainty.
Matters   Nothing that was learned applies to these rows, and nothing in the probabilities says so: labels
          that were learned by heart, another preprocessing, exchanged label numbers.
Not this  A network that is at chance and says so; a rare class, which the most frequent label already
          allows for.
Limits    guess: three standard errors of the share of the most frequent label. sure: half of the way to
          1.
Source    Zhang et al. (2017), ICLR (random labels are learned); Guo et al. (2017), ICML, PMLR 70.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.margins import SURE
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.validation import Validation

RULE = Rule(
    code="CONF204",
    name="at-chance-and-sure",
    reads=("validation",),
    limits={"sure": 0.5},
    remedies=("check-split", "weight-decay", "stop-earlier"),
    blame=70,
    explains=("CONF201", "CONF301"),
)


@RULE.check
def check(validation: Validation, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield a sign where the latest pass is at chance and sure."""
    fit = validation.last.fit
    guess = validation.last.most / fit.rows
    chance = guess + SURE * float(np.sqrt(guess * (1 - guess) / fit.rows))
    if guess >= 1 or fit.accuracy > chance:
        return
    way = (fit.confidence - guess) / (1 - guess)
    if way < limits["sure"]:
        return
    yield Sign(
        layer="",
        cause="claim",
        size=way,
        evidence=(
            Evidence("right", fit.accuracy, chance, "of the evaluated rows", fit.rows),
            Evidence("way to certainty", way, limits["sure"], "from the most frequent label to 1",
                     fit.rows),
        ),
        explanation=(
            f"{fit.accuracy:.1%} of {fit.rows} evaluated rows are right (step {validation.last.step}), no "
            f"more than the most frequent label would give ({guess:.1%}), and the network is "
            f"{fit.confidence:.1%} sure on average."
        ),
        severity="warning",
    )  # fmt: skip
