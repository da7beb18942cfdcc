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
    remedies=(
        "scale-init",
        "fitted-init",
        "change-activation",
        "add-normalisation",
        "add-residual",
    ),
    blame=30,
    explains=("FLOW502", "FLOW302"),
)


@RULE.check
def check(lines: list[Line], late: Bool, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for each weight layer that the gradient does not reach; all name one cause."""
    faded = [(line, lost) for line in lines if (lost := _lost(line, late)) <= limits["gain"]]
    if not faded:
        return
    faintest = min(faded, key=lambda pair: pair[1])
    cause = _cause(faintest[0], late)
    yield _sign(*faintest, cause, late, limits["gain"])
    for line, lost in faded:  # the finding tells the others by name only
        if line is not faintest[0]:
            yield Sign(line.layer, SPOKEN[cause], -lost, (), "")


def _lost(line: Line, late: Bool) -> float:
    """What arrives of the logits' gradient, pooling taken off, which only spreads it [decades]."""
    return settled(line.arriving, late) - line.reference.get("other", 0.0)


def _cause(line: Line, late: Bool) -> str:
    lost = line.shortfall(late)
    gains = [gain for gain in GAINS if not np.isnan(lost.get(gain, np.nan))]
    return max(gains, key=lambda gain: lost[gain], default="other")


def _sign(line: Line, lost: float, cause: str, late: Bool, limit: float) -> Sign:
    n = int((~np.isnan(line.arriving[late])).sum())
    worst, single = _largest_loss(line, late)
    share = -line.shortfall(late)[cause]
    return Sign(
        layer=worst if single < lost / 2 or np.isneginf(single) else line.layer,
        cause=SPOKEN[cause],
        size=-lost,
        evidence=(
            Evidence("gain", lost, limit, "decades", n),
            Evidence(SPOKEN[cause], share, 0.0, "decades", n),
            Evidence(f"largest single loss, at {worst}", single, None, "decades", n),
        ),
        explanation=_said(line, lost, cause, share, worst, late),
    )


def _said(line: Line, lost: float, cause: str, share: float, worst: str, late: Bool) -> str:
    if np.isneginf(lost):
        return (
            f"The gradient dies on its way down: exactly nothing of the one at the logits arrives at "
            f"{line.spoken}; all of it is lost at {worst} ({SPOKEN[cause]})."
        )
    return (
        f"The gradient dies on its way down: {10**lost:.1e} of the one at the logits arrives at "
        f"{line.spoken}, {lost:.1f} decades. {share:.1f} decades of that is {SPOKEN[cause]}"
        f"{_places(line, cause, late)}."
    )


def _largest_loss(line: Line, late: Bool) -> tuple[str, float]:
    gains = {
        name: settled(values, late)
        for name, values in line.steps.items()
        if line.roles[name] != "other" or np.isneginf(settled(values, late))
    }
    gains = {name: gain for name, gain in gains.items() if not np.isnan(gain)}
    worst = min(gains, key=lambda name: gains[name], default=line.layer)
    return worst, gains.get(worst, 0.0)


def _places(line: Line, cause: str, late: Bool) -> str:
    """How many places lose it, and how much each passes on."""
    found = [settled(line.steps[name], late) for name in line.steps if line.roles[name] == cause]
    gains = [gain for gain in found if np.isfinite(gain)]
    if len(gains) <= 1:
        return ""
    return f": {len(gains)} places, each passing on {10 ** min(gains):.2g} to {10 ** max(gains):.2g} of it"
