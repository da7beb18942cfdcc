"""Gradient underflow: gradients in float16 are too small for the format.

Sees      Places whose gradient is computed in float16 without a loss scale, where more than half of the
          elements that are not 0 are subnormal, or all of them are exactly 0.
Matters   Below 2^-14 float16 loses precision, below 2^-24 it stores 0: the step is lost before it is made.
Not this  bfloat16, which has float32's range; a loss scale that lifts the gradients.
Limits    subnormal: 2^-14 = 6.1e-5, smallest normal float16; zero: 2^-24 = 6.0e-8. share: half.
Source    Micikevicius et al. (2018), ICLR, section 3.2; IEEE 754-2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.quantities import Bool
from clinometer.diagnosis.rule import Evidence, NotJudged, Rule, Sign
from clinometer.records.recording import Recording
from clinometer.theory.floats import FLOATS

RULE = Rule(
    code="FLOW305",
    name="gradient-underflow",
    reads=("recording", "late", "suspect"),
    limits={"share": 0.5},
    remedies=("loss-scaling", "bfloat16"),
    blame=16,
    explains=("FLOW302", "FLOW502", "FLOW201", "FLOW102", "FLOW301"),
)


@RULE.check
def check(
    recording: Recording, late: Bool, suspect: str, limits: Mapping[str, float]
) -> Iterator[Sign]:
    """Yield one sign for each place whose gradient underflows."""
    calls = recording.of_kind("call")
    half = [i for i, call in enumerate(calls) if call.facts.get("gradient_dtype") == "float16"]
    if not half:
        raise NotJudged("no gradient was computed in float16")
    under = recording.column("call", "underflow")
    entering = recording.column("call", "grad_out_rms")
    for i in half:
        shares = under[late, i]
        shares = shares[~np.isnan(shares)]
        gone = entering[late, i]
        gone = gone[~np.isnan(gone)]
        zero = len(gone) > 0 and bool(np.all(gone == 0))
        share = 1.0 if zero else float(np.median(shares)) if len(shares) else 0.0
        if share < limits["share"]:
            continue
        yield Sign(
            layer=calls[i].name,
            cause="gradient underflow",
            size=float("inf") if zero else share,
            evidence=(
                Evidence("gradient below the smallest normal float16", share, limits["share"],
                         "of the elements that are not 0", len(shares)),
                Evidence("smallest normal float16", FLOATS["float16"].smallest_normal, None, "-", 1),
            ),
            explanation=(
                f"The gradient at {calls[i].name} is computed in float16, and "
                + ("all of it is rounded to 0." if zero else
                   f"{share:.0%} of it lies below 6.1e-5, where float16 loses digits and then all.")
                + " A loss scale (GradScaler) would lift it."
            ),
            severity=suspect,
        )  # fmt: skip
