"""Skipped steps: the loss scaler finds Inf or NaN again and again, and drops the step.

Sees      More than a tenth of the late steps skipped, or a loss scale below 1.
Matters   A skipped step is a batch that taught nothing; a scale below 1 means that the gradients overflow
          unscaled: something is not finite that scaling cannot cure.
Not this  The first steps, in which the scaler looks for its scale by halving it; one skip every now and
          then, by which it tries a larger one.
Limits    skipped: 10 %. The scaler halves at a skip and doubles after 2,000 good steps: in balance it skips
          one step in 2,000. scale: 1.
Source    Micikevicius et al. (2018), ICLR; pytorch/pytorch#99640.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.margins import LATE
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW304",
    name="skipped-steps",
    reads=("recording", "fault"),
    limits={"skipped": 0.1, "scale": 1.0},
    remedies=("lower-rate", "clip-gradient", "bfloat16", "logits-with-matching-loss"),
    blame=15,
    explains=("FLOW302", "FLOW502", "FLOW305"),
)


@RULE.check
def check(recording: Recording, fault: str, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for the run."""
    skipped, scale = recording.scalars["skipped"], recording.scalars["scale"]
    known = ~np.isnan(skipped)
    if not known.any() or np.isnan(scale).all():
        raise NotJudged("no loss scaler was seen")
    late = known & (recording.step >= recording.step[-1] * (1 - 1 / LATE))
    share = float(skipped[late].mean()) if late.any() else 0.0
    scales = scale[late & ~np.isnan(scale)]
    least = float(scales.min()) if len(scales) else float("nan")
    if share <= limits["skipped"] and not least < limits["scale"]:
        return
    yield Sign(
        layer="",
        cause="skipped steps",
        size=share,
        evidence=(
            Evidence("skipped steps, late", share, limits["skipped"], "of the steps",
                     int(late.sum())),
            Evidence("loss scale, least", least, limits["scale"], "-", len(scales)),
        ),
        explanation=(
            f"The loss scaler skipped {share:.0%} of the late steps (its scale is down to {least:.3g}): "
            "gradients are Inf or NaN again and again, and those batches teach nothing."
        ),
        severity=fault if share > limits["skipped"] else "note",
    )  # fmt: skip
