"""Dead units: no example of a whole window found a slope.

Sees      Units of ReLU-like activations whose derivative was exactly zero on every example of a
          window of several observations; by the chain rule their own weights' gradient was zero.
Matters   Nothing can wake such a unit but a change below it. A layer of them cuts the chain.
Not this  Sparsity: half of a ReLU's outputs are zero at the start, on ever different examples. A layer of
          dead units beside which the gradient finds a way to every weight (a penalty that is never due).
Limits    dead: half of the layer's units; nine tenths also in a run that still learns. window: 100
          examples; a unit silent on n examples is active on fewer than 3/n of them at 95 % (the rule of
          three), 3 % at 100. A whole layer whose gradient was exactly 0 needs no window: it is a fact.
Source    Lu et al. (2019), arXiv 1903.06733; Hanley & Lippman-Hand (1983), JAMA 249(13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.ledger import Line, settled
from clinometer.diagnosis.quantities import Activations, Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW102",
    name="dead-units",
    reads=("activations", "ledger", "late", "state", "symptom"),
    limits={"dead": 0.5, "most": 0.9, "window": 100},
    remedies=("linear-output", "lower-rate", "scale-init", "reset-dead-units", "change-activation"),
    blame=25,
    explains=("FLOW201", "FLOW502", "FLOW302", "FLOW104"),
)
MOST = 1e15  # examples: a damaged file may say more
VANISHED = -2.0  # decades: as vanishing-gradient has it


@RULE.check
def check(
    activations: Activations,
    ledger: list[Line],
    late: Bool,
    state: str,
    symptom: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each activation of which half the units or more are dead."""
    found = [
        (i, *dead)
        for i in range(len(activations.names))
        if (dead := _dead(activations, i, late, limits)) is not None
    ]
    explained = 0.5 * sum(np.log10(1 - share) for _, share, _ in found if share < 1)
    minor = _fades_for_another_reason(ledger, late, explained)
    for i, share, examples in found:
        cut = share == 1 and _cuts(ledger, late)
        severity = symptom
        if symptom == "note" and (cut or (share >= limits["most"] and state != "learned")):
            severity = "warning"  # a tenth of the layer at most still works
        severity = "note" if minor and share < 1 else severity
        yield _sign(activations, i, share, examples, cut, severity)


def _dead(
    activations: Activations, i: int, late: Bool, limits: Mapping[str, float]
) -> tuple[float, int] | None:
    """(share of dead units, examples seen), or None where half of them live or too few were seen."""
    gain, flat = activations.gain[late, i], activations.saturated[late, i]
    dead, window = activations.dead[late, i], activations.window[late, i]
    seen = window[window > 0]
    blocked = np.isneginf(gain[~np.isnan(gain)])
    if len(seen) and len(blocked) and blocked.all() and np.all(flat[~np.isnan(flat)] == 1):
        return 1.0, int(min(seen[-1], MOST))
    enough = window >= limits["window"]
    if not enough.any():
        return None
    share = float(np.median(dead[enough]))
    return (share, int(min(window[enough][-1], MOST))) if share >= limits["dead"] else None


def _cuts(ledger: list[Line], late: Bool) -> bool:
    """Whether a weight layer gets no gradient at all; where none is known, one may."""
    weights = [settled(line.arriving, late) for line in ledger if line.is_weight]
    return not weights or bool(np.isneginf(weights).any())


def _fades_for_another_reason(ledger: list[Line], late: Bool, explained: float) -> bool:
    """Whether the gradient fades by more than twice what the dead units can account for [decades]."""
    weights = [line for line in ledger if line.is_weight]
    arriving = [settled(line.arriving, late) - line.reference.get("other", 0.0) for line in weights]
    known = [gain for gain in arriving if np.isfinite(gain)]
    return bool(known) and min(known) <= min(2 * explained, VANISHED)


def _sign(
    activations: Activations, i: int, share: float, examples: int, cut: bool, severity: str
) -> Sign:
    name = activations.names[i]
    units = activations.units[~np.isnan(activations.units[:, i]), i]
    count = (
        f"{share * units[-1]:.0f} of the {units[-1]:.0f} units" if len(units) else f"{share:.0%}"
    )
    return Sign(
        layer=name,
        cause="activation gain",
        size=float("inf") if share == 1 else -0.5 * float(np.log10(1 - share)),
        evidence=(Evidence("dead", share, RULE.limits["dead"], "of the units", examples),),
        explanation=(
            f"{count} of layer {name} ({activations.kinds[i]}) had no slope on any of "
            f"{examples:,} examples"
            + (": the chain is cut, nothing below it can learn." if cut else ".")
        ),
        severity=severity,
    )
