"""Frozen by accident: a layer that was never trained is in the optimizer and requires no gradient.

Sees      Parameters that require no gradient though an optimizer was given them, that were never trained
          in this run, and that look as an initialisation leaves them.
Matters   The layer stays random; what is above it has to make do with random features.
Not this  Frozen fine-tuning: layers that an optimizer trained earlier, pretrained weights (a note), layers
          that were given to no optimizer; random features that are enough to learn the task by.
Limits    untrained: the weight is uniform within the bound of a usual initialisation, its largest element
          near that bound and its RMS within four standard errors.
Source    TinyLLaVA/TinyLLaVA_Factory#144; modelscope/ms-swift#3935 (where the warning is expected).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.wiring import Parameter

RULE = Rule(
    code="FLOW408",
    name="frozen-parameters",
    reads=("wiring", "state", "fault"),
    limits={},
    remedies=("unfreeze-parameters", "own-parameters"),
    blame=6,
    explains=("FLOW302", "FLOW502", "FLOW201", "FLOW101"),
)


@RULE.check
def check(
    wiring: list[Parameter], state: str, fault: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each layer that is frozen and owned."""
    untrained = {p.layer for p in wiring if p.untrained}
    for parameter in wiring:
        frozen = parameter.owned and not parameter.trainable and not parameter.was_trainable
        if not frozen or parameter.moved:
            continue
        fresh = parameter.layer in untrained
        yield Sign(
            layer=parameter.layer or parameter.name,
            cause="frozen",
            size=float(parameter.size) * (1.0 if fresh else 1e-6),
            evidence=(
                Evidence("requires a gradient", 0.0, 1.0, "yes or no", parameter.seen),
                Evidence("owned by an optimizer", 1.0, None, "yes or no", parameter.seen),
            ),
            explanation=(
                f"{parameter.name} requires no gradient, though an optimizer was given it"
                + (
                    ", and it looks as its initialisation left it: the layer is random and stays so."
                    if fresh
                    else "; its weights do not look like a fresh initialisation, so it may be meant."
                )
            ),
            severity=fault if fresh and state != "learned" else "note",
        )
