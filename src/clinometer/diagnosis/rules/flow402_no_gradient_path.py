"""No gradient path: a parameter is owned by an optimizer and takes part, but no gradient reaches it.

Sees      Parameters that require a gradient, are owned by an optimizer, whose layer runs, and that never
          received one; places whose operation has no slope anywhere (rounding, sign), behind which every
          gradient is exactly 0.
Matters   The optimizer holds them and never moves them: something between them and the loss cuts the
          graph (`detach`, `.data`, `no_grad`, `argmax`, a way through NumPy).
Not this  Frozen layers; targets and teachers, which no optimizer owns; experts and rows that got a
          gradient at another time; layers that never ran (an unused head: a note).
Limits    none: sets of identities, over all observations.
Source    pytorch/pytorch#31396; huggingface/trl#2486.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.diagnosis.wiring import Parameter
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW402",
    name="no-gradient-path",
    reads=("recording", "wiring", "fault"),
    limits={},
    remedies=("reconnect-graph",),
    blame=4,
    explains=("FLOW302", "FLOW502", "FLOW201", "FLOW203", "FLOW101", "FLOW102"),
)
SLOPELESS = {
    "RoundBackward0": "round", "RoundBackward1": "round", "SignBackward0": "sign",
    "FloorBackward0": "floor", "CeilBackward0": "ceil", "TruncBackward0": "trunc",
    "HeavisideBackward0": "heaviside", "SgnBackward0": "sgn",
}  # fmt: skip
TWICE = 2  # observations


@RULE.check
def check(
    recording: Recording, wiring: list[Parameter], fault: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield a sign for each layer that is cut off, and for each operation without a slope."""
    yield from _slopeless(recording, fault)
    cut = [p for p in wiring if _lonely(p) and (p.called or p.ran)]
    unused = [p for p in wiring if _lonely(p) and not (p.called or p.ran)]
    for rank, parameter in enumerate(cut):
        yield Sign(
            layer=parameter.layer or parameter.name,
            cause="graph cut",
            size=float(rank),  # the last of them in order is the nearest to the cut
            evidence=(
                Evidence("received a gradient", 0.0, 1.0, "yes or no", parameter.seen),
                Evidence("layers cut off", float(len({p.layer for p in cut})), 0.0, "layers", 1),
            ),
            explanation=(
                f"Layer {parameter.layer or parameter.name} runs and its optimizer owns it, but no "
                f"gradient ever reaches it: the graph is cut between it and the loss (detach, .data, "
                f"no_grad, argmax, NumPy). {len(cut)} tensors are cut off."
            ),
            severity=fault,
        )
    for parameter in unused:
        yield Sign(
            layer=parameter.layer or parameter.name,
            cause="never used",
            size=float(parameter.size),
            evidence=(Evidence("received a gradient", 0.0, 1.0, "yes or no", parameter.seen),),
            explanation=(
                f"{len(unused)} tensors that the optimizer owns took no part in the loss: their "
                "layers did not run in any step that was observed."
            ),
            severity="note",
        )


def _lonely(parameter: Parameter) -> bool:
    return (
        parameter.trainable
        and parameter.owned
        and not parameter.received
        and parameter.seen >= TWICE
    )


def _slopeless(recording: Recording, fault: str) -> Iterator[Sign]:
    for i, call in enumerate(recording.of_kind("call")):
        named = [SLOPELESS[node] for node in call.facts.get("operations", []) if node in SLOPELESS]
        if not named:
            continue
        leaving = recording.column("call", "grad_in_rms")[:, i]
        known = leaving[~np.isnan(leaving)]
        if not len(known) or np.any(known != 0):
            continue  # a way around it exists (a straight-through estimator)
        yield Sign(
            layer=call.name,
            cause="operation without a slope",
            size=float("inf"),
            evidence=(Evidence("gradient leaving", 0.0, 0.0, "loss/-", len(known)),),
            explanation=(
                f"{named[0]}() at {call.name} has slope 0 everywhere: the gradient that leaves it is "
                "exactly 0, and nothing below it can learn."
            ),
            severity=fault,
        )
