"""Exploding gradient: on its way down from the logits the signal grows without bound.

Sees      Layers at which more than a hundred times the gradient at the logits arrives, in a run that
          diverges, whose steps are as large as the weights themselves, or whose fresh outputs are ten and
          more.
Matters   A step larger than its weight replaces the weight by noise; the forward pass follows.
Not this  Larger gradients in lower layers of a network that learns (pre-norm transformers, batch
          normalisation): without one of these harms a note. Gradients that grow after a step has thrown
          the weights away: step-too-large leads.
Limits    gain: +2 decades, the mirror of vanishing-gradient. update ratio: 1, the weight's own size. logits:
          10; a fresh network whose logits are 10 says 0.99995 without having seen anything.
Source    Bengio et al. (1994), IEEE Trans. Neural Netw. 5(2); Pascanu et al. (2013), ICML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from clinometer.diagnosis.ledger import GAINS, SPOKEN, Line
from clinometer.diagnosis.quantities import Bool
from clinometer.diagnosis.rule import Evidence, Rule, Sign
from clinometer.records.recording import Recording

RULE = Rule(
    code="FLOW202",
    name="exploding-gradient",
    reads=("recording", "lines", "state", "suspect"),
    limits={"gain": 2.0, "update_ratio": 1.0, "logits": 10.0},
    remedies=("clip-gradient", "scale-init", "fitted-init", "lower-rate", "add-normalisation"),
    blame=20,
    explains=("FLOW303", "FLOW501", "FLOW503", "FLOW502", "FLOW102", "FLOW302"),
)


@RULE.check
def check(
    recording: Recording,
    lines: list[Line],
    state: str,
    suspect: str,
    limits: Mapping[str, float],
) -> Iterator[Sign]:
    """Yield one sign for each weight layer that the gradient overwhelms."""
    loud = _fresh_logits(recording) >= limits["logits"]
    for line in lines:
        known = np.isfinite(line.arriving) & _before_the_first_leap(line, limits["update_ratio"])
        if not known.any():
            continue
        worst = int(np.argmax(np.where(known, line.arriving, -np.inf)))
        gain = float(line.arriving[worst])
        ratios = line.total[~np.isnan(line.total)]
        with np.errstate(over="ignore"):
            ratio = float(10 ** ratios.max()) if len(ratios) else float("nan")
        if gain < limits["gain"]:
            continue
        harmful = ratio >= limits["update_ratio"] or state == "diverged" or loud
        shares = {name: float(line.factors[name][worst]) for name in GAINS if name in line.factors}
        cause = max(shares, key=lambda name: np.nan_to_num(shares[name], nan=-np.inf))
        n = int(known.sum())
        yield Sign(
            layer=line.layer,
            cause=SPOKEN[cause],
            size=gain,
            evidence=(
                Evidence("gain", gain, limits["gain"], "decades", n),
                Evidence(
                    "update ratio, largest", ratio, limits["update_ratio"], "of the weight", n
                ),
            ),
            explanation=(
                f"The gradient at {line.spoken} is {10**gain:.1e} times the one at the logits; "
                f"{shares[cause]:+.1f} decades of that is {SPOKEN[cause]}. Its largest step was "
                f"{ratio:.2g} times the weight."
            ),
            severity=suspect if harmful else "note",
        )


def _before_the_first_leap(line: Line, limit: float) -> Bool:
    """Observations up to the first step that was as large as the weight; that one included."""
    leaps = np.flatnonzero(line.total >= np.log10(limit))
    until = np.ones(len(line.total), dtype=bool)
    if len(leaps):
        until[leaps[0] + 1 :] = False
    return until


def _fresh_logits(recording: Recording) -> float:
    """RMS of the network's output at the first observation; a normal start says about 1."""
    outs = recording.column("call", "out_rms")[:1]
    ends = [i for i, call in enumerate(recording.of_kind("call")) if call.facts.get("output")]
    sizes = [float(outs[0, i]) for i in ends if len(outs) and np.isfinite(outs[0, i])]
    return max(sizes, default=0.0)
