"""Vanishing gradient: on its way down from the logits the signal fades to nothing.

Sees      Layers at which less than 1 % of the gradient at the logits arrives, late in the run.
          The factor with the largest loss against lossless (gain 1) is named.
Matters   With one learning rate for all layers such a layer moves a hundred times slower.
Not this  Small gradients everywhere because the examples are right: only the way from the logits
          down counts here, not its beginning. Weaker gradients in the lower layers of a network
          that learns all the same (then this is a note).
Limits    gain: -2 decades, 1 %: what this project everywhere takes as practically nothing.
Source    Hochreiter (1991); Bengio et al. (1994), IEEE Trans. Neural Netw. 5(2); Glorot & Bengio
          (2010), AISTATS, PMLR 9:249-256.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.ledger import GAINS, SPOKEN, Line, settled
from clinometer.diagnosis.quantities import Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW201",
    name="vanishing-gradient",
    reads=("lines", "late"),
    limits={"gain": -2.0},
    remedies=("scale-init", "change-activation", "add-normalisation", "add-residual"),
    blame=30,
    explains=("FLOW502",),
)


@RULE.check
def check(lines: list[Line], late: Bool, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for each weight layer that the gradient does not reach."""
    for line in lines:
        arriving = settled(line.arriving, late)
        if not arriving <= limits["gain"]:
            continue
        shares = {gain: settled(line.factors[gain], late) for gain in GAINS}
        cause = min(shares, key=lambda gain: np.nan_to_num(shares[gain], neginf=-np.inf))
        worst, loss = _largest_loss(line, late)
        n = int((~np.isnan(line.arriving[late])).sum())
        yield Sign(
            layer=worst if loss < arriving / 2 or np.isneginf(loss) else line.layer,
            cause=SPOKEN[cause],
            size=-arriving,
            evidence=(
                Evidence("gain", arriving, limits["gain"], "decades", n),
                Evidence(SPOKEN[cause], shares[cause], 0.0, "decades", n),
                Evidence(f"largest single loss, at {worst}", loss, None, "decades", n),
            ),
            explanation=(
                f"The gradient dies on its way down: {_share(arriving)} of the one at the logits "
                f"arrives at {line.spoken}, {_decades(arriving)}. {_decades(shares[cause])} of that "
                f"is {SPOKEN[cause]}{_places(line, cause, late)}."
            ),
        )


def _largest_loss(line: Line, late: Bool) -> tuple[str, float]:
    gains = {name: settled(values, late) for name, values in line.steps.items()}
    gains = {name: gain for name, gain in gains.items() if not np.isnan(gain)}
    worst = min(gains, key=lambda name: gains[name])
    return worst, gains[worst]


def _places(line: Line, cause: str, late: Bool) -> str:
    """How many places lose it, and how much each passes on."""
    gains = [settled(line.steps[name], late) for name in line.steps if line.roles[name] == cause]
    low, high = min(gains), max(gains)
    if len(gains) == 1 or np.isneginf(low):
        return ""
    return f": {len(gains)} places, each passing on {10**low:.2g} to {10**high:.2g} of it"


def _share(gain: float) -> str:
    return "exactly nothing" if np.isneginf(gain) else f"{10**gain:.1e}"


def _decades(gain: float) -> str:
    return "all of it" if np.isneginf(gain) else f"{gain:.1f} decades"
