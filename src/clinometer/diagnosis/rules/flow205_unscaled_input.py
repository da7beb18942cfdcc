"""Unscaled input: the data enter on a scale that the first layer was not made for.

Sees      Raw inputs of the first layer whose root mean square, or one feature's standard deviation, is more
          than ten, or less than a hundredth, in a run that does not learn.
Matters   Initialisations and learning rates assume inputs of about 1: larger ones saturate or kill the
          first units and multiply its steps; the largest feature decides alone.
Not this  A first layer that normalises; inputs of any scale in a network that learns (then a note).
Limits    rms: 10. A unit with PyTorch's default weights, U(+-1/sqrt(n)), is then at h = 10/sqrt(3) = 5.8
          at one standard deviation, where a sigmoid's slope is 1 % of its peak. small: 0.01, where the
          first layer's gradient is two decades below that of a standardised input.
Source    LeCun et al. (1998), Efficient BackProp, section 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clinometer.diagnosis.inputs import Input
from clinometer.diagnosis.rule import Evidence, Rule, Sign

RULE = Rule(
    code="FLOW205",
    name="unscaled-input",
    reads=("inputs", "suspect"),
    limits={"rms": 10.0, "small": 0.01},
    remedies=("standardise-input", "add-normalisation"),
    blame=10,
    explains=(
        "FLOW101", "FLOW102", "FLOW103", "FLOW104", "FLOW201", "FLOW202", "FLOW302", "FLOW303",
        "FLOW501", "FLOW502", "FLOW503",
    ),
)  # fmt: skip


@RULE.check
def check(inputs: list[Input], suspect: str, limits: Mapping[str, float]) -> Iterator[Sign]:
    """Yield one sign for each place that takes such data."""
    for given in inputs:
        if given.normalised:
            continue
        largest = max(given.rms, given.largest)
        if largest >= limits["rms"]:
            yield _sign(given, largest, limits["rms"], suspect)
        elif 0 < given.rms <= limits["small"]:
            yield _sign(given, given.rms, limits["small"], suspect)


def _sign(given: Input, size: float, limit: float, severity: str) -> Sign:
    return Sign(
        layer=given.layer,
        cause="input size",
        size=size,
        evidence=(
            Evidence("input, RMS", given.rms, limit, "-", int(given.examples)),
            Evidence("largest standard deviation of a feature", given.largest, limit, "-",
                     int(given.examples)),
            Evidence("median standard deviation of a feature", given.middle, None, "-",
                     int(given.examples)),
        ),
        explanation=(
            f"The input of layer {given.layer} is not scaled: its root mean square is {given.rms:.3g} "
            f"and its features vary by {given.middle:.3g} (median) to {given.largest:.3g}; about 1 is "
            "what the layer was made for."
        ),
        severity=severity,
    )  # fmt: skip
