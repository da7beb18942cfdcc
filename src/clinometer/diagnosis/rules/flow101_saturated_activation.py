"""Saturated activation: the slope at the unit has gone flat.

Sees      Hidden activations that sit, for most of the batch, where their derivative is below 1 % of its
          peak, and that pass on no more gradient than the others can.
Matters   The chain rule multiplies by that derivative; every layer below stops learning.
Not this  An output unit that is flat because its example is fitted; a ReLU's zeros, which are half
          of all elements by symmetry (dead-units judges those); a gate that is closed by design in
          a network that learns (then this is a note).
Limits    saturated: most of unit x example; a fresh network with unit signals has 0.3 % (tanh) or none
          (sigmoid). gain: what the others can pass on at their very peak, sqrt(1 - saturated).
Source    Glorot & Bengio (2010), AISTATS, PMLR 9:249-256, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.ledger import settled
from clinometer.diagnosis.quantities import PIECEWISE, Activations, Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.theory.activations import ACTIVATIONS, activation

RULE = Rule(
    code="FLOW101",
    name="saturated-activation",
    reads=("activations", "late", "saturated_at_start", "symptom", "suspect"),
    limits={"saturated": 0.5},
    remedies=("scale-init", "standardise-input", "lower-rate", "change-activation"),
    blame=26,
    explains=("FLOW201", "FLOW202", "FLOW502", "FLOW302", "FLOW204", "FLOW301"),
)
SPREAD = 0.3  # decades: the gradient may prefer the units that still bend by a factor of two


@RULE.check
def check(
    activations: Activations,
    late: Bool,
    saturated_at_start: list[str],
    symptom: str,
    suspect: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each hidden activation that is flat throughout the late window."""
    for i, name in enumerate(activations.names):
        saturated = activations.saturated[late, i]
        if activations.output[i] or activations.kinds[i] in PIECEWISE or np.isnan(saturated).all():
            continue
        if activations.kinds[i] not in ACTIVATIONS:
            continue  # its peak slope is not known
        share = float(np.nanmean(saturated))
        peak = activation(activations.kinds[i]).peak_slope
        limit = float(np.log10(np.sqrt(1 - min(share, 1 - 1e-9)) * peak)) + SPREAD
        gain = settled(activations.gain[:, i], late)
        if share < limits["saturated"] or not gain <= limit:
            continue
        n = int(np.isfinite(saturated).sum())
        yield Sign(
            layer=name,
            cause="activation gain",
            size=-gain,
            evidence=(
                Evidence("saturated", share, limits["saturated"], "of units x examples", n),
                Evidence("gain", gain, limit, "decades", n),
            ),
            explanation=(
                f"{share:.0%} of the units of layer {name} ({activations.kinds[i]}) sit where its slope "
                f"is below 1 % of its peak: the gradient that leaves it is {_times(gain)} of the "
                "one that enters."
            ),
            severity=suspect if name in saturated_at_start else symptom,
        )


def _times(gain: float) -> str:
    return "exactly 0" if np.isneginf(gain) else f"{10**gain:.1g}"
