"""Gradients accumulate: the last step's gradient is still there when the next one is added.

Sees      Steps in which every backward pass found, in most parameters, a gradient that was not 0.
Matters   The optimizer is given the sum of all gradients so far: the step grows without end, and points
          to where the loss fell long ago.
Not this  Gradient accumulation over micro-batches (the first of them finds nothing); two optimizers that
          clear each other's gradients in between; parameters that no optimizer owns, and that its
          zero_grad() does not clear either.
Limits    half of the parameters, in half of the observations after the first.
Source    PyTorch, "Zeroing out gradients", tutorial; `torch.optim.Optimizer.zero_grad`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW403",
    name="gradients-accumulate",
    reads=("recording", "fault"),
    limits={"share": 0.5},
    remedies=("zero-gradients",),
    blame=3,
    explains=(
        "FLOW303", "FLOW501", "FLOW503", "FLOW502", "FLOW102", "FLOW101", "FLOW202", "FLOW103",
        "FLOW201", "FLOW305", "FLOW304",
    ),
)  # fmt: skip


@RULE.check
def check(recording: Recording, fault: str, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for the run."""
    if not recording.of_kind("parameter"):
        raise NotJudged("no parameter was observed")
    left = recording.column("parameter", "left_over")[recording.observed > 0]
    unowned = recording.column("parameter", "owned")[recording.observed > 0] == 0
    left = np.where(unowned, np.nan, left)  # no step is made of their gradients
    known = ~np.isnan(left)
    if not known.any():
        raise NotJudged("whether gradients are cleared was not observed")
    with np.errstate(invalid="ignore"):
        share = np.nansum(left, axis=1) / known.sum(axis=1)
    share = share[known.any(axis=1)]
    often = float(np.mean(share > limits["share"]))
    if often <= limits["share"]:
        return
    yield Sign(
        layer="",
        cause="gradients not cleared",
        size=float("inf"),
        evidence=(
            Evidence("steps that began with an old gradient", often, limits["share"],
                     "of the observed steps", len(share)),
        ),
        explanation=(
            f"The gradient of the last step was still there in {often:.0%} of the observed steps when "
            "backward() added the next one: zero_grad() is not called, and every step is made of the "
            "sum of all gradients so far."
        ),
        severity=fault,
    )  # fmt: skip
