"""Dead units: no example of a whole window found a slope.

Sees      Units of ReLU-like activations whose derivative was exactly zero on every example of a
          window of several observations; by the chain rule their own weights' gradient was zero.
Matters   Nothing can wake such a unit but a change below it. A layer of them cuts the chain.
Not this  Sparsity: half of a ReLU's outputs are zero at the start, on ever different examples.
Limits    dead: half of the layer's units; nine tenths also in a run that still learns. window: 100
          examples; a unit silent on n examples is active on fewer than 3/n of them at 95 % (the rule of
          three), 3 % at 100. A whole layer whose gradient was exactly 0 needs no window: it is a fact.
Source    Lu et al. (2019), arXiv 1903.06733; Hanley & Lippman-Hand (1983), JAMA 249(13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.ledger import settled
from clinometer.diagnosis.quantities import Activations, Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW102",
    name="dead-units",
    reads=("activations", "late", "state", "symptom"),
    limits={"dead": 0.5, "most": 0.9, "window": 100},
    remedies=("lower-rate", "scale-init", "reset-dead-units", "change-activation"),
    blame=25,
    explains=("FLOW201", "FLOW502", "FLOW302", "FLOW104"),
)


@RULE.check
def check(
    activations: Activations, late: Bool, state: str, symptom: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each activation of which half the units or more are dead."""
    for i, name in enumerate(activations.names):
        dead, window = activations.dead[late, i], activations.window[late, i]
        long_enough = window >= limits["window"]
        if np.all(dead == 1) and np.isneginf(settled(activations.gain[:, i], late)):
            long_enough = window > 0
        if not np.any(long_enough):
            continue
        if not np.isfinite([activations.units[late, i][-1], window[long_enough][-1]]).all():
            continue
        share = float(np.median(dead[long_enough]))
        if share < limits["dead"]:
            continue
        units, examples = int(activations.units[late, i][-1]), int(window[long_enough][-1])
        cut = share == 1
        severity = symptom
        if symptom == "note" and (cut or (share >= limits["most"] and state != "learned")):
            severity = "warning"  # a tenth of the layer at most still works
        yield Sign(
            layer=name,
            cause="activation gain",
            size=float("inf") if cut else -0.5 * float(np.log10(1 - share)),
            evidence=(Evidence("dead", share, limits["dead"], f"of {units} units", examples),),
            explanation=(
                f"{share * units:.0f} of the {units} units of layer {name} ({activations.kinds[i]}) had "
                f"no slope on any of {examples:,} examples"
                + (": the chain is cut, nothing below it can learn." if cut else ".")
            ),
            severity=severity,
        )
